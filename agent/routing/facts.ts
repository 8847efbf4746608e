import type { Lookup } from '../dicom/index.ts'

/** What the rules may ask of an association before any dataset has arrived (PS3.8 §9.3.2). */
export interface AssociationFacts {
  callingAE: string
  calledAE: string
  /** the client's address as HAProxy sees it, IPv4 or IPv6, or '' when it has none (a Unix socket) */
  source: string
  /** HAProxy's id of the association, the same in all its questions */
  id?: string | undefined
  /** the backends that have a live server; undefined where HAProxy does not say: then all of them */
  live?: readonly string[] | undefined
  /** the abstract syntaxes proposed, as UIDs */
  sopClasses: readonly string[]
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
