import type { AssociateAc, AssociateRq, MessageHead } from '../dicom/index.ts'
import type { RuleSet } from '../routing/index.ts'
import type { Told, Why } from './answer.ts'
import { type Judged, judge, whyNot } from './judge.ts'

/** The pool that the association was bound to, by which rule, and what `mixed` says of instances that belong elsewhere. */
export interface Bound {
  bound: string
  boundBy: string
  mixed: string
}

/** `pass`: it belongs to the bound pool; `follow`: it does not, and goes there all the same; `refuse`: not stored. */
export type InstanceAnswer = Why &
  Pick<Judged, 'headBytes'> & { verdict: 'pass' | 'follow' | 'refuse'; pool?: string }

/** The guard's step, on the delayed path: whether a later instance may go where the first one went. */
export function instance(
  ruleSet: RuleSet,
  rq: AssociateRq,
  promised: AssociateAc,
  head: MessageHead,
  told: Told,
  { bound, boundBy, mixed }: Bound,
): InstanceAnswer {
  const judged = judge(ruleSet, rq, promised, head, told)
  if (!judged) return { verdict: 'refuse', refusal: 'unknown-context' }
  const { decision, headBytes } = judged
  if (decision.kind !== 'route') return { ...elsewhere(mixed, whyNot(decision)), headBytes }
  const { rule, pool, pools } = decision
  // by the rule that bound the association, its pool is as good as the one that would be chosen now
  if (pool === bound || (rule === boundBy && pools.includes(bound)))
    return { verdict: 'pass', rule, pool, headBytes }
  return { ...elsewhere(mixed, { rule, refusal: 'other-pool' }), pool, headBytes }
}

function elsewhere(mixed: string, why: Why): InstanceAnswer {
  if (mixed !== 'follow') return { verdict: 'refuse', ...why }
  const { refusal: _, ...told } = why
  return { verdict: 'follow', ...told }
}
