import type { Lookup } from '../dicom/index.ts'

/** What the rules may ask of an association before any dataset has arrived (PS3.8 §9.3.2). */
export interface AssociationFacts {
  callingAE: string
  calledAE: string
  /** the client's address as HAProxy sees it, IPv4 or IPv6, or '' when it has none (a Unix socket) */
  source: string
  /** the common name in the client's certificate; undefined where it came without TLS */
  tlsClientCN?: string | undefined
  /** HAProxy's id of the association, the same in all its questions */
  id?: string | undefined
  /** the backends that have a live server; undefined where HAProxy does not say: then all of them */
  live?: readonly string[] | undefined
  /** the abstract syntaxes proposed, as UIDs */
  sopClasses: readonly string[]
  /** the transfer syntaxes proposed for any of them, as UIDs */
  transferSyntaxes: readonly string[]
  /** implementation class UID and implementation version name, those of the two that the client gives */
  implementation: readonly string[]
  /** the first command; before it has come, what the proposal says of it */
  dimse: Lookup
  /** when the association was asked for, in milliseconds since 1970 UTC: the same in all its questions */
  at: number
}

/**
 * What is known of the first dataset: a lookup per attribute of the rule set, in the order of `RuleSet.paths`;
 * `not yet` while it has not arrived; `never` where the association cannot carry one (no Storage SOP class).
 */
export type DatasetFacts = readonly Lookup[] | 'not yet' | 'never'

const unknown: Lookup = { state: 'unknown' }
const absent: Lookup = { state: 'absent' }

export function lookUp(dataset: DatasetFacts, index: number): Lookup {
  if (dataset === 'not yet') return unknown
  if (dataset === 'never') return absent
  return dataset[index] ?? unknown
}
