import { type AssociateAc, type AssociateRq, ContextResult } from '../dicom/index.ts'
import type { Acceptance } from './acceptance.ts'

/**
 * Which of the promised contexts each pool takes, for HAProxy to give back with the first dataset: so the offer goes by
 * what the promise went by, whichever agent makes it. `mr=5 us=1`: a pool, and a bit for each context, in hexadecimal.
 * Pools that take them all are left out, and so are those that nothing is known of; undefined where none is left.
 */
export function encodeTakes(
  rq: AssociateRq,
  promised: AssociateAc,
  pools: ReadonlyMap<string, Acceptance>,
): string | undefined {
  const abstractSyntaxes = new Map(
    rq.presentationContexts.map(context => [context.id, context.abstractSyntax]),
  )
  const accepted = promised.presentationContexts.filter(({ result }) => result === ContextResult.acceptance)
  const entries = [...pools].flatMap(([pool, { resultOf }]) => {
    const taken = accepted.filter(
      ({ id, transferSyntax }) =>
        resultOf(abstractSyntaxes.get(id) ?? '', transferSyntax) === ContextResult.acceptance,
    )
    if (taken.length === accepted.length) return []
    return `${pool}=${taken.reduce((bits, { id }) => bits | bitOf(id), 0n).toString(16)}`
  })
  return entries.length === 0 ? undefined : entries.join(' ')
}

/** Whether a pool takes the promised context with this id. */
export function takes(text: string, pool: string): (contextId: number) => boolean {
  const [, bits] = text.split(' ').flatMap(entry => (entry.startsWith(`${pool}=`) ? entry.split('=') : []))
  if (bits === undefined) return () => true
  const taken = BigInt(`0x${bits}`)
  return id => (taken & bitOf(id)) !== 0n
}

/** Context ids are odd (PS3.8 §9.3.2.2). */
function bitOf(contextId: number): bigint {
  return 1n << BigInt(contextId >> 1)
}
