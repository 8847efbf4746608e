import { type AssociateRq, mayStore } from '../dicom/index.ts'

/**
 * Whether the client may send datasets to be stored: only then are there dataset facts to wait for. A context whose
 * SOP class it takes in the SCP role alone is there to receive (C-GET, PS3.4 §C.4.3).
 */
export function sendsDatasets(rq: AssociateRq): boolean {
  const receives = new Set(rq.roles.filter(({ scu, scp }) => scp && !scu).map(({ sopClass }) => sopClass))
  return rq.presentationContexts.some(
    ({ abstractSyntax }) => mayStore(abstractSyntax) && !receives.has(abstractSyntax),
  )
}

/**
 * Whether the balancer can answer for the PACS: not where the client asks for the SCP role, or for an answer to its
 * user identity, which only the PACS can give (PS3.7 Annex D.3.3.4, D.3.3.7).
 */
export function isDelayable(rq: AssociateRq): boolean {
  return !rq.roles.some(({ scp }) => scp) && !rq.userIdentity?.positiveResponseRequested
}
