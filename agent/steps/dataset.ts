import { type AssociateAc, type AssociateRq, encodeAssociateRq, type MessageHead } from '../dicom/index.ts'
import { offer } from '../negotiation/index.ts'
import type { Mixed } from '../routing/index.ts'
import { aborted, type Binding, type Refusal, type Site, stickKey } from './answer.ts'
import { judge, whyNot } from './judge.ts'

/** The second step, on the delayed path: the same rules again, with the head of the first message beside the facts. */
export function dataset(
  site: Site,
  rq: AssociateRq,
  promised: AssociateAc,
  head: MessageHead,
  source: string,
): (Binding & { mixed: Mixed }) | Refusal {
  const { ruleSet } = site
  const decision = judge(ruleSet, rq, promised, head, source)
  if (!decision) return aborted('invalid-pdu-parameter-value', { refusal: 'unknown-context' })
  if (decision.kind !== 'route') return aborted('reason-not-specified', whyNot(decision))
  const { rule, pool, stick, mixed } = decision
  const pdu = encodeAssociateRq(offer(rq, promised, ruleSet.pools.get(pool) ?? {}))
  return { rule, backend: pool, key: stickKey(site, stick), offer: pdu, mixed }
}
