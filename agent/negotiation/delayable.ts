import { type AssociateRq, commandOf, type Lookup, mayStore } from '../dicom/index.ts'

/** Whether the client may send datasets to be stored: only then are there dataset facts to wait for. */
export function sendsDatasets(rq: AssociateRq): boolean {
  return servicesUsed(rq).some(mayStore)
}

/**
 * What the proposal says of the first command. Where datasets may come, that command is waited for: unknown, unless there
 * is only one that the client can begin with. Elsewhere it is not, and all that the SOP classes are for count. A C-ECHO
 * beside other services is not what a client comes for.
 */
export function firstCommand(rq: AssociateRq): Lookup {
  const commands = new Set(servicesUsed(rq).map(commandOf))
  if (commands.size > 1) commands.delete('C-ECHO')
  const known = [...commands].filter(command => command !== undefined)
  const certain = commands.size === 1 && known.length === 1
  if (sendsDatasets(rq) && !certain) return { state: 'unknown' }
  return known.length > 0 ? { state: 'present', values: known } : { state: 'absent' }
}

/**
 * The abstract syntaxes with which the client may ask for something. A context whose SOP class it takes in the SCP role
 * alone is there to receive (C-GET, PS3.4 §C.4.3).
 */
function servicesUsed(rq: AssociateRq): string[] {
  const receives = new Set(rq.roles.filter(({ scu, scp }) => scp && !scu).map(({ sopClass }) => sopClass))
  const proposed = rq.presentationContexts.map(({ abstractSyntax }) => abstractSyntax)
  return proposed.filter(abstractSyntax => !receives.has(abstractSyntax))
}

/**
 * Whether the balancer can answer for the PACS: not where the client asks for the SCP role, or for an answer to its
 * user identity, which only the PACS can give (PS3.7 Annex D.3.3.4, D.3.3.7).
 */
export function isDelayable(rq: AssociateRq): boolean {
  return !rq.roles.some(({ scp }) => scp) && !rq.userIdentity?.positiveResponseRequested
}
