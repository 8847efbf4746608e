import { type AssociateAc, type AssociateRq, ContextResult } from '../dicom/index.ts'
import type { Pool } from '../routing/index.ts'

/**
 * The A-ASSOCIATE-RQ that the chosen pool gets: of what the client proposed, what was promised and the pool takes, with
 * that one transfer syntax each, so that the PACS can take it or refuse it but not answer something else. It is never
 * longer than the client's own, whose place it takes in HAProxy's buffer.
 */
export function offer(
  rq: AssociateRq,
  promised: AssociateAc,
  pool: Pool,
  isTaken: (contextId: number) => boolean = () => true,
): AssociateRq {
  const transferSyntaxes = new Map(
    promised.presentationContexts
      .filter(({ id, result }) => result === ContextResult.acceptance && isTaken(id))
      .map(({ id, transferSyntax }) => [id, transferSyntax]),
  )
  const { asyncOperations: _declined, ...kept } = rq
  return {
    ...kept,
    calledAE: pool.calledAE ?? rq.calledAE,
    callingAE: pool.callingAE ?? rq.callingAE,
    presentationContexts: rq.presentationContexts.flatMap(({ id, abstractSyntax }) => {
      const transferSyntax = transferSyntaxes.get(id)
      return transferSyntax === undefined ? [] : { id, abstractSyntax, transferSyntaxes: [transferSyntax] }
    }),
    roles: [],
    sopClassExtended: [],
    sopClassCommonExtended: [],
  }
}
