import {
  type AssociateAc,
  type AssociateRq,
  ContextResult,
  commandNames,
  type DatasetHead,
  type Lookup,
  type MessageHead,
  type PresentationContextAc,
  readDatasetHead,
  type TagPath,
} from '../dicom/index.ts'
import { type Decision, decideAfterHead, type RuleSet } from '../routing/index.ts'
import type { Told, Why } from './answer.ts'
import { associationFacts } from './associate.ts'

const cStoreRq = 0x0001

export interface Judged {
  decision: Decision
  /** bytes of the dataset that it took; undefined where none was looked at */
  headBytes?: number | undefined
}

/** What the rules say of a message; undefined where the promise did not accept its presentation context. */
export function judge(
  ruleSet: RuleSet,
  rq: AssociateRq,
  promised: AssociateAc,
  head: MessageHead,
  told: Told,
): Judged | undefined {
  const context = contextOf(promised, head)
  if (!context) return undefined
  const facts = associationFacts(rq, told, commandAtHand(head))
  const read = readDataset(ruleSet, head, context.transferSyntax)
  return { decision: decideAfterHead(ruleSet, facts, read?.lookups ?? 'never'), headBytes: read?.needed }
}

/** What the head of a dataset says of some paths; undefined where the promise did not accept its presentation context. */
export function lookUp(
  promised: AssociateAc,
  head: MessageHead,
  paths: readonly TagPath[],
): Lookup[] | undefined {
  const context = contextOf(promised, head)
  return context && readDatasetHead(head.dataset, context.transferSyntax, paths, head.complete).lookups
}

/** The presentation context of a message, if it was accepted. */
function contextOf(
  { presentationContexts }: AssociateAc,
  { contextId }: MessageHead,
): PresentationContextAc | undefined {
  return presentationContexts.find(
    ({ id, result }) => id === contextId && result === ContextResult.acceptance,
  )
}

/** The first command, or that of a later instance, which is judged as if it were the first. */
function commandAtHand(head: MessageHead): Lookup {
  const name = commandNames.get(head.command.commandField)
  return name === undefined ? { state: 'absent' } : { state: 'present', values: [name] }
}

/** Only what is sent to be stored has attributes to go by; the identifier of a query has not. */
function readDataset(ruleSet: RuleSet, head: MessageHead, transferSyntax: string): DatasetHead | undefined {
  if (head.command.commandField !== cStoreRq) return undefined
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
