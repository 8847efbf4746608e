import {
  type AssociateAc,
  type AssociateRq,
  ContextResult,
  type PresentationContextAc,
  type PresentationContextRq,
} from '../dicom/index.ts'
import type { Pool } from '../routing/index.ts'
import { defaultMaxPduLength, defaultTransferSyntaxes, implementation } from './defaults.ts'

/**
 * The A-ASSOCIATE-AC that the client gets before its pool is known: what every pool that it may still become
 * accepts. For each context of a SOP class that all take, that is the first transfer syntax in the client's order; for the maximum PDU length the
 * smallest. Asynchronous operations, roles and extended negotiation are not answered, which declines them
 * (PS3.7 Annex D.3.3).
 */
export function promise(rq: AssociateRq, pools: readonly Pool[]): AssociateAc {
  const { calledAE, callingAE, applicationContext, presentationContexts } = rq
  return {
    protocolVersion: 1,
    calledAE,
    callingAE,
    applicationContext,
    presentationContexts: presentationContexts.map(context => answer(context, pools)),
    maxPduLength: smallest(pools.map(pool => pool.maxPduLength ?? defaultMaxPduLength)),
    ...implementation,
    roles: [],
    sopClassExtended: [],
  }
}

function answer(
  { id, abstractSyntax, transferSyntaxes }: PresentationContextRq,
  pools: readonly Pool[],
): PresentationContextAc {
  if (!pools.every(({ sopClasses }) => sopClasses?.includes(abstractSyntax) ?? true)) {
    return { id, result: ContextResult.abstractSyntaxNotSupported, transferSyntax: '' }
  }
  const common = transferSyntaxes.find(uid =>
    pools.every(pool => (pool.transferSyntaxes ?? defaultTransferSyntaxes).includes(uid)),
  )
  if (common === undefined) {
    return { id, result: ContextResult.transferSyntaxesNotSupported, transferSyntax: '' }
  }
  return { id, result: ContextResult.acceptance, transferSyntax: common }
}

/** The smallest of maximum PDU lengths, of which 0 is unlimited. */
function smallest(lengths: readonly number[]): number {
  const limited = lengths.filter(length => length > 0)
  return limited.length === 0 ? 0 : Math.min(...limited)
}
