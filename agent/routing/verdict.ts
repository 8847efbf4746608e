import { type Decision, decide, decideAfterHead } from './evaluate.ts'
import type { AssociationFacts, DatasetFacts } from './facts.ts'
import type { Mixed, RuleSet } from './rule-set.ts'

/** What becomes of an association and its first dataset, as users see it: for tests and explanations. */
export interface Verdict {
  /** whether the association alone decided, or its first dataset had to be there */
  path: 'direct' | 'delayed'
  rule?: string
  route?: string
  /** all pools that the rule leads to, where it is not the one */
  pools?: readonly string[]
  mixed?: Mixed
  /** the values that keep associations together */
  stick?: readonly string[]
  /** the reason of a refusal, in the words of the logs */
  reject?: string
  /** whether clients are to try again, where the rule says so */
  transient?: boolean
}

/** Both steps of the agent: the rules are asked for the association first, and for the dataset only if they must be. */
export function verdict(ruleSet: RuleSet, association: AssociationFacts, dataset: DatasetFacts): Verdict {
  const atOnce = decide(ruleSet, association, dataset === 'never' ? 'never' : 'not yet')
  if (atOnce.kind !== 'unknown') return { path: 'direct', ...told(atOnce) }
  if (atOnce.pools.length === 0) return { path: 'direct', rule: atOnce.rule, reject: 'no-rule' }
  return { path: 'delayed', ...told(decideAfterHead(ruleSet, association, dataset)) }
}

function told(decision: Decision): Omit<Verdict, 'path'> {
  switch (decision.kind) {
    case 'route': {
      const { rule, pool, pools, mixed, stick } = decision
      return {
        rule,
        route: pool,
        ...(pools.length > 1 && { pools }),
        mixed,
        ...(stick.some(value => value !== '') && { stick }),
      }
    }
    case 'reject':
      return {
        rule: decision.rule,
        reject: decision.reason,
        ...(decision.transient !== undefined && { transient: decision.transient }),
      }
    case 'unknown':
      return { rule: decision.rule, reject: 'undecided' }
    case 'none':
      return { reject: 'no-rule' }
  }
}
