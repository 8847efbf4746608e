import {
  type AssociateAc,
  type AssociateRq,
  ContextResult,
  type PresentationContextAc,
  type PresentationContextRq,
} from '../dicom/index.ts'
import type { Acceptance } from './acceptance.ts'
import { implementation } from './defaults.ts'

type Candidates = readonly Acceptance[]

/**
 * The A-ASSOCIATE-AC that the client gets before its pool is known. Each context is promised what every pool accepts that
 * a dataset of it may still go to, its candidates: the first such transfer syntax in the client's order. Where there is
 * none, those that `candidatesOf` gives next are asked. The maximum PDU length is the smallest of theirs, and of the other
 * `pools` that there are. Asynchronous operations, roles and extended negotiation are not answered, which declines them
 * (PS3.7 Annex D.3.3).
 */
export function promise(
  rq: AssociateRq,
  pools: readonly Acceptance[],
  candidatesOf: (abstractSyntax: string) => readonly [Candidates, ...Candidates[]] = () => [pools],
): AssociateAc {
  const { calledAE, callingAE, applicationContext } = rq
  const involved = new Set(pools)
  const presentationContexts = rq.presentationContexts.map(context => {
    const alternatives = candidatesOf(context.abstractSyntax)
    for (const candidate of alternatives.flat()) involved.add(candidate)
    const answers = alternatives.map(candidates => answer(context, candidates))
    return (
      answers.find(({ result }) => result === ContextResult.acceptance) ?? answer(context, alternatives[0])
    )
  })
  return {
    protocolVersion: 1,
    calledAE,
    callingAE,
    applicationContext,
    presentationContexts,
    maxPduLength: smallest([...involved].map(({ maxPduLength }) => maxPduLength)),
    ...implementation,
    roles: [],
    sopClassExtended: [],
  }
}

function answer(
  { id, abstractSyntax, transferSyntaxes }: PresentationContextRq,
  candidates: Candidates,
): PresentationContextAc {
  const refused = (result: number) => ({ id, result, transferSyntax: '' })
  // no pool takes the association of this client at all
  if (candidates.length === 0) return refused(ContextResult.userRejection)
  const accepts = (pool: Acceptance, uid: string) =>
    pool.resultOf(abstractSyntax, uid) === ContextResult.acceptance
  const common = transferSyntaxes.find(uid => candidates.every(pool => accepts(pool, uid)))
  if (common !== undefined) {
    return { id, result: ContextResult.acceptance, transferSyntax: common }
  }
  // one that takes nothing of the context says why; those that only have nothing in common do not
  const unwilling = candidates.find(pool => !transferSyntaxes.some(uid => accepts(pool, uid)))
  const [first = ''] = transferSyntaxes
  return refused(unwilling?.resultOf(abstractSyntax, first) ?? ContextResult.transferSyntaxesNotSupported)
}

/** The smallest of maximum PDU lengths, of which 0 is unlimited. */
function smallest(lengths: readonly number[]): number {
  const limited = lengths.filter(length => length > 0)
  return limited.length === 0 ? 0 : Math.min(...limited)
}
