import { choosePool } from './choose-pool.ts'
import type { AssociationFacts, DatasetFacts } from './facts.ts'
import type { Mixed, OpenRule, Rejection, RouteOutcome, Rule, RuleSet } from './rule-set.ts'

export type Decision =
  /**
   * `pool` is the one that was chosen among `pools`, to which the rule leads; `stick` is what keeps associations
   * together, empty where there is nothing to stick to
   */
  | {
      kind: 'route'
      rule: string
      pool: string
      pools: readonly string[]
      stick: readonly string[]
      mixed: Mixed
    }
  | ({ kind: 'reject'; rule: string } & Rejection)
  /** `rule` needs attributes whose bytes are not here yet; `pools` are those that it can still become */
  | { kind: 'unknown'; rule: string; pools: readonly string[] }
  /** no rule matches, and there is no default */
  | { kind: 'none' }

/**
 * The first rule that is not false decides. If it is true, its outcome is final; if it is unknown, so is the
 * decision: it never falls through to a later rule.
 */
export function decide(ruleSet: RuleSet, association: AssociationFacts, dataset: DatasetFacts): Decision {
  const open = ruleSet.open(association, dataset)
  const first = open.next().value
  if (first === undefined) return { kind: 'none' }
  const { rule, truth } = first
  if (truth === 'unknown') {
    return { kind: 'unknown', rule: rule.name, pools: withUndecided(ruleSet, stillPossible(rule, open)) }
  }
  if ('reject' in rule.outcome) return { kind: 'reject', rule: rule.name, ...rule.outcome.reject }
  return routed(ruleSet, rule.name, rule.outcome, association, dataset)
}

/** The name of the rule that `undecided:` stands for. */
export const undecidedRuleName = 'undecided'

/** The decision when no more of a dataset will be looked at: what is still unknown goes where `undecided:` says. */
export function decideAfterHead(
  ruleSet: RuleSet,
  association: AssociationFacts,
  dataset: DatasetFacts,
): Decision {
  const decision = decide(ruleSet, association, dataset)
  if (decision.kind !== 'unknown' || !ruleSet.undecided) return decision
  return routed(ruleSet, undecidedRuleName, ruleSet.undecided, association, dataset)
}

function routed(
  ruleSet: RuleSet,
  rule: string,
  { route, stick: stickTo, mixed }: RouteOutcome,
  association: AssociationFacts,
  dataset: DatasetFacts,
): Decision {
  const { pools } = route
  const stick = stickTo?.(association, dataset) ?? []
  if (stick === 'unknown') return { kind: 'unknown', rule, pools: withUndecided(ruleSet, pools) }
  return { kind: 'route', rule, pool: choosePool(route, stick, association), pools, stick, mixed }
}

/** The pools that `first`, which is unknown, and those behind it can still become: up to the first that is true. */
function stillPossible(first: Rule, behind: Iterable<OpenRule>): Set<string> {
  const pools = new Set(poolsOf(first))
  for (const { rule, truth } of behind) {
    for (const pool of poolsOf(rule)) pools.add(pool)
    if (truth === true) break
  }
  return pools
}

function poolsOf({ outcome }: Rule): readonly string[] {
  return 'route' in outcome ? outcome.route.pools : []
}

/** Each once. */
function withUndecided({ undecided }: RuleSet, pools: Iterable<string>): readonly string[] {
  return [...new Set([...pools, ...(undecided?.route.pools ?? [])])]
}
