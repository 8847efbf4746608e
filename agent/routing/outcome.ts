import { closest, type RejectReason, rejectReasons } from '../dicom/index.ts'
import type { Report } from './errors.ts'
import type { Paths } from './paths.ts'
import type { Mixed, Outcome, Rejection, Route, Stick } from './rule-set.ts'
import { backend, type OutcomeSource } from './schema.ts'
import { compileStick } from './stick.ts'

/** There is one of route and reject: the schema sees to it. */
export function compileOutcome(source: OutcomeSource, mixed: Mixed, paths: Paths, report: Report): Outcome {
  if (source.reject !== undefined) return { reject: compileRejection(source.reject, report) }
  return {
    route: compileRoute(source.route ?? [], report),
    stick: source.stick === undefined ? undefined : compileStickKeys(source.stick, paths, report),
    mixed: source.mixed ?? mixed,
  }
}

function compileRoute(source: NonNullable<OutcomeSource['route']>, report: Report): Route {
  if (typeof source === 'string') return { pools: [source] }
  if (Array.isArray(source)) {
    for (const [index, pool] of source.entries()) {
      if (source.indexOf(pool) < index) report(['route', index], `${pool} stands in this list already`)
    }
    return { pools: source }
  }
  for (const pool of Object.keys(source)) {
    const wrong = backend.safeParse(pool).error?.issues[0]
    if (wrong) report(['route', pool], `"${pool}" ${wrong.message}`, 'key')
  }
  const shares = Object.entries(source).filter(([, weight]) => weight > 0)
  return { pools: shares.map(([pool]) => pool), weights: shares.map(([, weight]) => weight) }
}

function compileRejection(source: NonNullable<OutcomeSource['reject']>, report: Report): Rejection {
  const { reason, ...rest } = typeof source === 'string' ? { reason: source } : source
  if (isRejectReason(reason)) return { reason, ...rest }
  const place = typeof source === 'string' ? ['reject'] : ['reject', 'reason']
  const reasons = Object.keys(rejectReasons)
  const [near] = closest(reason, reasons)
  const hint = near === undefined ? `one of ${reasons.join(', ')}` : `did you mean ${near}?`
  report(place, `unknown reason "${reason}": ${hint}`)
  return { reason: 'no-reason-given' }
}

function isRejectReason(text: string): text is RejectReason {
  return Object.hasOwn(rejectReasons, text)
}

/** Several values of one attribute are one text, joined as in a dataset (PS3.5 §6.2). */
function compileStickKeys(
  source: NonNullable<OutcomeSource['stick']>,
  paths: Paths,
  report: Report,
): Stick | undefined {
  const keys = typeof source === 'string' ? [source] : source
  const sticks = keys.flatMap((key, index) => {
    const reportHere: Report = (path, message, at) =>
      report(typeof source === 'string' ? path : [...path, index], message, at)
    return compileStick(key, paths, reportHere) ?? []
  })
  return (association, dataset) => {
    const texts: string[] = []
    for (const stick of sticks) {
      const values = stick(association, dataset)
      if (values === 'unknown') return 'unknown'
      texts.push(values.join('\\'))
    }
    return texts.some(text => text !== '') ? texts : []
  }
}
