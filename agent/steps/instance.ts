import type { AssociateAc, AssociateRq, MessageHead } from '../dicom/index.ts'
import type { RuleSet } from '../routing/index.ts'
import type { Why } from './answer.ts'
import { judge, whyNot } from './judge.ts'

/** What the association was bound to, and what `mixed` says of instances that belong elsewhere. */
export interface Bound {
  bound: string
  mixed: string
}

/** `pass`: it belongs to the bound pool; `follow`: it does not, and goes there all the same; `refuse`: not stored. */
export type InstanceAnswer = Why & { verdict: 'pass' | 'follow' | 'refuse'; pool?: string }

/** The guard's step, on the delayed path: whether a later instance may go where the first one went. */
export function instance(
  ruleSet: RuleSet,
  rq: AssociateRq,
  promised: AssociateAc,
  head: MessageHead,
  source: string,
  { bound, mixed }: Bound,
): InstanceAnswer {
  const decision = judge(ruleSet, rq, promised, head, source)
  if (!decision) return { verdict: 'refuse', refusal: 'unknown-context' }
  if (decision.kind !== 'route') return elsewhere(mixed, whyNot(decision))
  const { rule, pool } = decision
  if (pool === bound) return { verdict: 'pass', rule, pool }
  return { ...elsewhere(mixed, { rule, refusal: 'other-pool' }), pool }
}

function elsewhere(mixed: string, why: Why): InstanceAnswer {
  if (mixed !== 'follow') return { verdict: 'refuse', ...why }
  const { refusal: _, ...told } = why
  return { verdict: 'follow', ...told }
}
