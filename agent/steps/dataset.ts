import {
  type AssociateAc,
  type AssociateRq,
  encodeAssociateRq,
  type MessageHead,
  type TagPath,
  vrOfPath,
} from '../dicom/index.ts'
import { offer, takes } from '../negotiation/index.ts'
import type { Mixed } from '../routing/index.ts'
import { aborted, type Binding, type Refusal, type Site, stickKey, type Told } from './answer.ts'
import { type Judged, judge, whyNot } from './judge.ts'

/** What the guard needs to know about later instances. */
type Guarded = {
  mixed: Mixed
  /** tags of all that the rules look at in a dataset, where that can be told */
  attributes: Buffer | undefined
}

export type DatasetAnswer = (Binding & Guarded) | Refusal

/**
 * The second step, on the delayed path: the same rules again, with the head of the first message beside the facts.
 * `taken` is what the first step has told of the contexts that each pool takes.
 */
export function dataset(
  site: Site,
  rq: AssociateRq,
  promised: AssociateAc,
  head: MessageHead,
  told: Told,
  taken = '',
): DatasetAnswer & Pick<Judged, 'headBytes'> {
  const { ruleSet } = site
  const judged = judge(ruleSet, rq, promised, head, told)
  if (!judged) return aborted('invalid-pdu-parameter-value', { refusal: 'unknown-context' })
  const { decision, headBytes } = judged
  if (decision.kind !== 'route') {
    return { ...aborted('reason-not-specified', whyNot(decision)), headBytes }
  }
  const { rule, pool, stick, mixed } = decision
  const isTaken = takes(taken, pool)
  if (!isTaken(head.contextId)) {
    const context = rq.presentationContexts.find(({ id }) => id === head.contextId)
    // so that it is promised otherwise when it comes again
    if (context) site.doubts?.add(rq, context.abstractSyntax)
    return { ...aborted('reason-not-specified', { rule, refusal: 'context-not-accepted' }), headBytes }
  }
  const pdu = encodeAssociateRq(offer(rq, promised, ruleSet.pools.get(pool) ?? {}, isTaken))
  const attributes = outermost(ruleSet.deciding)
  return { rule, backend: pool, key: stickKey(site, stick), offer: pdu, mixed, attributes, headBytes }
}

const pixelRepresentation = 0x00280103

/**
 * The elements of a dataset that these paths begin with, and what their values depend on, each tag in four bytes;
 * undefined where one is private.
 */
function outermost(paths: readonly TagPath[]): Buffer | undefined {
  const tags = paths.map(({ steps }) => steps[0]?.tag)
  if (paths.some(path => vrOfPath(path) === 'xs')) tags.push(pixelRepresentation)
  if (tags.includes(undefined)) return undefined
  const bytes = Buffer.alloc(4 * tags.length)
  for (const [index, tag = 0] of tags.entries()) bytes.writeUInt32BE(tag, 4 * index)
  return bytes
}
