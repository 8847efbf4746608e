import type { RejectReason, TagPath } from '../dicom/index.ts'
import type { AssociationFacts, DatasetFacts } from './facts.ts'
import type { Truth } from './truth.ts'

/** A rule set that has been read, checked and compiled: all that a decision needs, and immutable. */
export interface RuleSet {
  /** first match wins; the default, where there is one, is the last of them */
  rules: readonly Rule[]
  /** what is declared, by backend name */
  pools: ReadonlyMap<string, Pool>
  /** the attributes that the rules ask for, as `readDatasetHead` takes them */
  paths: readonly TagPath[]
  /** those among them that conditions look at: what is alike in these is decided alike */
  deciding: readonly TagPath[]
}

export interface Rule {
  name: string
  conditions: readonly Condition[]
  outcome: Outcome
}

export type Condition = (association: AssociationFacts, dataset: DatasetFacts) => Truth

export type Outcome = { route: string; stick?: Stick | undefined; mixed: Mixed } | { reject: RejectReason }

/**
 * What becomes of the later instances of an association that a rule bound to a pool by its first dataset:
 *
 * - `refuse`: one of another study is judged by the same rules, and refused where they choose another pool
 * - `follow`: they go where the first one went
 * - `instance`: every one is judged, also within a study
 */
export type Mixed = 'refuse' | 'follow' | 'instance'

/** The values of a fact or attribute that keep associations together; `unknown` while their bytes are not here. */
export type Stick = (association: AssociationFacts, dataset: DatasetFacts) => readonly string[] | 'unknown'

/** What the nodes of a pool are declared to accept, and how they want to be called. */
export interface Pool {
  /** the called AE title that the PACS gets to see instead of the client's */
  calledAE?: string | undefined
  /** UIDs */
  transferSyntaxes?: readonly string[] | undefined
  /** bytes; 0 is unlimited */
  maxPduLength?: number | undefined
}
