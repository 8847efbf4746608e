import {
  type AssociateAc,
  type AssociateRq,
  ContextResult,
  commandNames,
  type Lookup,
  type MessageHead,
  readDatasetHead,
} from '../dicom/index.ts'
import { type DatasetFacts, type Decision, decideAfterHead, type RuleSet } from '../routing/index.ts'
import type { Told, Why } from './answer.ts'
import { associationFacts } from './associate.ts'

const cStoreRq = 0x0001

/** What the rules say of a message; undefined where the promise did not accept its presentation context. */
export function judge(
  ruleSet: RuleSet,
  rq: AssociateRq,
  promised: AssociateAc,
  head: MessageHead,
  told: Told,
): Decision | undefined {
  const context = promised.presentationContexts.find(
    ({ id, result }) => id === head.contextId && result === ContextResult.acceptance,
  )
  if (!context) return undefined
  const facts = { ...associationFacts(rq, told), dimse: commandAtHand(head) }
  return decideAfterHead(ruleSet, facts, datasetFacts(ruleSet, head, context.transferSyntax))
}

/** The first command, or that of a later instance, which is judged as if it were the first. */
function commandAtHand(head: MessageHead): Lookup {
  const name = commandNames.get(head.command.commandField)
  return name === undefined ? { state: 'absent' } : { state: 'present', values: [name] }
}

/** Only what is sent to be stored has attributes to go by; the identifier of a query has not. */
function datasetFacts(ruleSet: RuleSet, head: MessageHead, transferSyntax: string): DatasetFacts {
  if (head.command.commandField !== cStoreRq) return 'never'
  return readDatasetHead(head.dataset, transferSyntax, ruleSet.paths, head.complete)
}

/** Why a decision leads to no pool. */
export function whyNot(decision: Exclude<Decision, { kind: 'route' }>): Why {
  switch (decision.kind) {
    case 'none':
      return { refusal: 'no-rule' }
    case 'reject':
      return { rule: decision.rule, refusal: decision.reason }
    case 'unknown':
      return { rule: decision.rule, refusal: 'undecided' }
  }
}
