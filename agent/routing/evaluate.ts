import type { RejectReason } from '../dicom/index.ts'
import type { AssociationFacts, DatasetFacts } from './facts.ts'
import type { Mixed, Rule, RuleSet } from './rule-set.ts'
import type { Truth } from './truth.ts'

export type Decision =
  /** `stick` is what keeps associations together, empty where there is nothing to stick to */
  | { kind: 'route'; rule: string; pool: string; stick: readonly string[]; mixed: Mixed }
  | { kind: 'reject'; rule: string; reason: RejectReason }
  /** `rule` needs attributes whose bytes are not here yet; `pools` are those that it can still become */
  | { kind: 'unknown'; rule: string; pools: readonly string[] }
  /** no rule matches, and there is no default */
  | { kind: 'none' }

/**
 * The first rule that is not false decides. If it is true, its outcome is final; if it is unknown, so is the
 * decision: it never falls through to a later rule.
 */
export function decide(ruleSet: RuleSet, association: AssociationFacts, dataset: DatasetFacts): Decision {
  for (const [index, rule] of ruleSet.rules.entries()) {
    const truth = holds(rule, association, dataset)
    if (truth === false) continue
    if (truth === 'unknown') return undecided(ruleSet.rules.slice(index), rule.name, association, dataset)
    if ('reject' in rule.outcome) return { kind: 'reject', rule: rule.name, reason: rule.outcome.reject }
    const { route: pool, stick, mixed } = rule.outcome
    const values = stick?.(association, dataset) ?? []
    if (values === 'unknown') return { kind: 'unknown', rule: rule.name, pools: [pool] }
    return { kind: 'route', rule: rule.name, pool, stick: values, mixed }
  }
  return { kind: 'none' }
}

/** Stops at the first condition that is false, whatever is unknown beside it. */
function holds(rule: Rule, association: AssociationFacts, dataset: DatasetFacts): Truth {
  let result: Truth = true
  for (const condition of rule.conditions) {
    const truth = condition(association, dataset)
    if (truth === false) return false
    if (truth === 'unknown') result = 'unknown'
  }
  return result
}

/** The pools that `rules`, of which the first is unknown, can still become: up to the first that is true. */
function undecided(
  rules: readonly Rule[],
  rule: string,
  association: AssociationFacts,
  dataset: DatasetFacts,
): Decision {
  const pools = new Set<string>()
  for (const candidate of rules) {
    const truth = holds(candidate, association, dataset)
    if (truth === false) continue
    if ('route' in candidate.outcome) pools.add(candidate.outcome.route)
    if (truth === true) break
  }
  return { kind: 'unknown', rule, pools: [...pools] }
}
