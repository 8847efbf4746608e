import type { Lookup, RejectReason, TagPath } from '../dicom/index.ts'
import type { AssociationFacts, DatasetFacts } from './facts.ts'
import type { Needs } from './pattern.ts'
import type { Truth } from './truth.ts'

/** A rule set that has been read, checked and compiled: all that a decision needs, and immutable. */
export interface RuleSet {
  /** first match wins; the default, where there is one, is the last of them */
  rules: readonly Rule[]
  /** those of them, in order, that are not false */
  open: (association: AssociationFacts, dataset: DatasetFacts) => IterableIterator<OpenRule>
  /** where a dataset goes whose head does not decide; without it, that is refused */
  undecided?: RouteOutcome | undefined
  /** what is declared, by backend name */
  pools: ReadonlyMap<string, Pool>
  /** the attributes that the rules ask for, as `readDatasetHead` takes them */
  paths: readonly TagPath[]
  /** those among them that conditions look at: what is alike in these is decided alike */
  deciding: readonly TagPath[]
  /** a condition looks at the address of the client */
  usesSource: boolean
}

export interface OpenRule {
  rule: Rule
  truth: Exclude<Truth, false>
}

export interface Rule {
  name: string
  description?: string | undefined
  /** where it begins */
  file: string
  line: number
  conditions: readonly Condition[]
  outcome: Outcome
}

export interface Condition {
  /** as the rule has it: what an explanation says. Slow to make */
  readonly text: string
  /** the same for conditions that say the same */
  readonly id: string
  /** about how long a test takes, to be compared with others */
  readonly cost: number
  test: (association: AssociationFacts, dataset: DatasetFacts) => Truth
  /** it is false unless there is a value that is what it needs, or the look tells nothing yet */
  needs?: { name: string; look: Look; value: Needs } | undefined
}

/** What is known of a fact or attribute. */
export type Look = (association: AssociationFacts, dataset: DatasetFacts) => Lookup

export type Outcome = RouteOutcome | { reject: Rejection }

export interface RouteOutcome {
  route: Route
  stick?: Stick | undefined
  mixed: Mixed
}

/** The pools that the rules lead to. */
export function poolsOf({ rules, undecided }: RuleSet): Set<string> {
  const outcomes = [...rules.map(({ outcome }) => outcome), undecided]
  return new Set(outcomes.flatMap(outcome => (outcome && 'route' in outcome ? outcome.route.pools : [])))
}

/** The pools that a rule leads to: the first that has a live server or, where there are weights, one by its share. */
export interface Route {
  pools: readonly string[]
  /** one for each pool, above 0 */
  weights?: readonly number[] | undefined
}

export interface Rejection {
  reason: RejectReason
  /** whether clients are to try again, where it is not as usual for this reason */
  transient?: boolean | undefined
}

/**
 * What becomes of the later instances of an association that a rule bound to a pool by its first dataset:
 *
 * - `refuse`: one of another study is judged by the same rules, and refused where they choose another pool
 * - `follow`: they go where the first one went
 * - `instance`: every one is judged, also within a study
 */
export type Mixed = 'refuse' | 'follow' | 'instance'

/**
 * What keeps associations together: a text for each fact or attribute, or none where all of them are empty; `unknown`
 * while their bytes are not here.
 */
export type Stick = (association: AssociationFacts, dataset: DatasetFacts) => readonly string[] | 'unknown'

/** What the nodes of a pool are declared to accept, and how they want to be called. */
export interface Pool {
  /** the AE titles that the PACS gets to see instead of the client's */
  calledAE?: string | undefined
  callingAE?: string | undefined
  /** UIDs; any where it is not declared */
  sopClasses?: readonly string[] | undefined
  /** UIDs */
  transferSyntaxes?: readonly string[] | undefined
  /** bytes; 0 is unlimited */
  maxPduLength?: number | undefined
}
