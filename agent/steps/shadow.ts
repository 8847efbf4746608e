import { type AssociateAc, type AssociateRq, encodeAssociateRq } from '../dicom/index.ts'
import { offer } from '../negotiation/index.ts'
import type { Site } from './answer.ts'
import { type AssociateAnswer, addressed } from './associate.ts'
import type { DatasetAnswer } from './dataset.ts'
import type { InstanceAnswer } from './instance.ts'

// In shadow mode, the rules are asked as ever and what they say is logged, but everything goes to one pool. Each function
// here takes the place of an answer; without shadow mode, it leaves it as it is.

/** Where the rules need the dataset, the delayed path brings it, with a promise that is the shadow pool's own. */
export function shadowAssociate({ shadowPool, ruleSet }: Site, body: Buffer, answer: AssociateAnswer) {
  if (shadowPool === undefined || 'asking' in answer || answer.path === 'delayed') return answer
  const offer = addressed(body, ruleSet.pools.get(shadowPool))
  return { path: 'direct', ...bound(shadowPool, answer), offer }
}

export function shadowDataset(
  { shadowPool, ruleSet }: Site,
  rq: AssociateRq,
  promised: AssociateAc,
  answer: DatasetAnswer,
) {
  if (shadowPool === undefined) return answer
  const pdu = encodeAssociateRq(offer(rq, promised, ruleSet.pools.get(shadowPool) ?? {}))
  const attributes = 'attributes' in answer ? answer.attributes : undefined
  return { ...bound(shadowPool, answer), offer: pdu, mixed: 'follow', attributes }
}

export function shadowInstance({ shadowPool }: Site, answer: InstanceAnswer) {
  if (shadowPool === undefined) return answer
  return { verdict: 'follow', ...told({ ...answer, backend: answer.pool }) }
}

interface Decided {
  rule?: string | undefined
  backend?: string | undefined
  refusal?: string | undefined
  key?: string | undefined
}

function bound(shadowPool: string, answer: Decided) {
  return { rule: 'shadow', backend: shadowPool, key: answer.key, ...told(answer) }
}

/** For the log. */
function told({ rule, backend, refusal }: Decided) {
  return { shadowRule: rule, shadowPool: backend, shadowRefusal: refusal }
}
