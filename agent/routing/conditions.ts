import { parseTagPath, sopClassByName, type TagPath, TagPathError } from '../dicom/index.ts'
import { type AssociationFacts, lookUp } from './facts.ts'
import { inNetworks, isNetwork } from './network.ts'
import { anyOf } from './pattern.ts'
import type { Condition, Stick } from './rule-set.ts'

/** Says what is wrong at a path below the one at hand; at its key instead of its value where `at` says so. */
export type Report = (path: readonly (string | number)[], message: string, at?: 'key') => void

/** How each fact of an association is compared; every other key of `when` is an attribute of the dataset. */
const facts: Readonly<Record<string, (values: readonly string[], report: Report) => Condition>> = {
  callingAE: (values, report) => titleCondition(values, report, ({ callingAE }) => callingAE),
  calledAE: (values, report) => titleCondition(values, report, ({ calledAE }) => calledAE),
  source: (values, report) => {
    for (const [index, value] of values.entries()) {
      if (isNetwork(value)) continue
      report([index], `"${value}" is no address or network, such as 10.1.2.3, 10.1.0.0/16 or 2001:db8::/32`)
    }
    const matches = inNetworks(values.filter(isNetwork))
    return ({ source }) => matches(source)
  },
  sopClass: (values, report) => {
    const uids = values.map((value, index) =>
      sopClassUid(value.trim(), (path, message) => report([index, ...path], message)),
    )
    const matches = anyOf(uids)
    return ({ sopClasses }) => sopClasses.some(matches)
  },
}

function sopClassUid(value: string, report: Report): string {
  if (/^[\d.*?]+$/.test(value)) return value
  const uid = sopClassByName(value)
  if (uid === undefined) report([], `unknown SOP class "${value}": ${sopClassHint(value)}`)
  return uid ?? value
}

export function sopClassHint(value: string): string {
  if (/[*?]/.test(value)) return '* and ? stand in UIDs only'
  const meant = [`${value} Image Storage`, `${value} Storage`].find(
    name => sopClassByName(name) !== undefined,
  )
  return meant === undefined ? 'use its UID, or its name in PS3.6' : `did you mean "${meant}"?`
}

const maxTitleLength = 16

function titleCondition(
  values: readonly string[],
  report: Report,
  title: (association: AssociationFacts) => string,
): Condition {
  const patterns = values.map(value => value.trim())
  for (const [index, pattern] of patterns.entries()) {
    if (pattern.replaceAll('*', '').length <= maxTitleLength) continue
    report([index], `"${pattern}" can never match: AE titles have at most ${maxTitleLength} characters`)
  }
  const matches = anyOf(patterns)
  return association => matches(title(association))
}

export function compileCondition(
  key: string,
  values: readonly string[],
  paths: Paths,
  report: Report,
): Condition | undefined {
  const fact = Object.hasOwn(facts, key) ? facts[key] : undefined
  if (fact) return fact(values, report)
  const index = paths.add(key, message => report([], withFacts(key, message), 'key'))
  if (index === undefined) return undefined
  const matches = anyOf(values.map(value => value.trimEnd()))
  return (_, dataset) => {
    const found = lookUp(dataset, index)
    if (found.state === 'unknown') return 'unknown'
    return found.state === 'present' && found.values.some(matches)
  }
}

/** A misspelt fact is no keyword either: say that there are facts, where one may have been meant. */
function withFacts(key: string, message: string): string {
  const near = Object.keys(facts).some(fact => fact.slice(0, 3) === key.slice(0, 3).toLowerCase())
  return near ? `${message}; the facts of an association are ${Object.keys(facts).join(', ')}` : message
}

const stickyFacts: Record<string, Stick> = {
  callingAE: ({ callingAE }) => [callingAE],
  calledAE: ({ calledAE }) => [calledAE],
  source: ({ source }) => [source],
}

export function compileStick(key: string, paths: Paths, report: Report): Stick | undefined {
  const fact = Object.hasOwn(stickyFacts, key) ? stickyFacts[key] : undefined
  if (fact) return fact
  const index = paths.add(key, message => report(['stick'], message))
  if (index === undefined) return undefined
  return (_, dataset) => {
    const found = lookUp(dataset, index)
    if (found.state === 'unknown') return 'unknown'
    return found.state === 'present' ? found.values : []
  }
}

/** The attributes asked for, each once. */
export class Paths {
  readonly all: TagPath[] = []
  readonly #indexes = new Map<string, number>()

  add(text: string, report: (message: string) => void): number | undefined {
    let index = this.#indexes.get(text)
    if (index !== undefined) return index
    try {
      index = this.all.push(parseTagPath(text)) - 1
    } catch (error) {
      if (!(error instanceof TagPathError)) throw error
      report(error.message)
      return undefined
    }
    this.#indexes.set(text, index)
    return index
  }
}
