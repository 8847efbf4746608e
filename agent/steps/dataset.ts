import {
  type AssociateAc,
  type AssociateRq,
  ContextResult,
  encodeAssociateRq,
  type MessageHead,
  readDatasetHead,
} from '../dicom/index.ts'
import { offer } from '../negotiation/index.ts'
import { type DatasetFacts, decide, type RuleSet } from '../routing/index.ts'
import { aborted, type Binding, type Refusal, type Site, stickKey } from './answer.ts'
import { associationFacts } from './associate.ts'

const cStoreRq = 0x0001

/** The second step, on the delayed path: the same rules again, with the head of the first message beside the facts. */
export function dataset(
  site: Site,
  rq: AssociateRq,
  promised: AssociateAc,
  head: MessageHead,
  source: string,
): Binding | Refusal {
  const { ruleSet } = site
  const context = promised.presentationContexts.find(
    ({ id, result }) => id === head.contextId && result === ContextResult.acceptance,
  )
  if (!context) return aborted('invalid-pdu-parameter-value', { refusal: 'unknown-context' })

  const facts = datasetFacts(ruleSet, head, context.transferSyntax)
  const decision = decide(ruleSet, associationFacts(rq, source), facts)
  switch (decision.kind) {
    case 'none':
      return aborted('reason-not-specified', { refusal: 'no-rule' })
    case 'reject':
      return aborted('reason-not-specified', { rule: decision.rule, refusal: decision.reason })
    case 'unknown':
      return aborted('reason-not-specified', { rule: decision.rule, refusal: 'undecided' })
    case 'route': {
      const { rule, pool, stick } = decision
      const pdu = encodeAssociateRq(offer(rq, promised, ruleSet.pools.get(pool) ?? {}))
      return { rule, backend: pool, key: stickKey(site, stick), offer: pdu }
    }
  }
}

/** Only what is sent to be stored has attributes to go by; the identifier of a query has not. */
function datasetFacts(ruleSet: RuleSet, head: MessageHead, transferSyntax: string): DatasetFacts {
  if (head.command.commandField !== cStoreRq) return 'never'
  return readDatasetHead(head.dataset, transferSyntax, ruleSet.paths, head.complete)
}
