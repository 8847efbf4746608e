import { createHmac } from 'node:crypto'
import { type AbortReason, abortReasons, encodeAbort, encodeAssociateRj, rejection } from '../dicom/index.ts'
import type { Doubts, Knowledge } from '../negotiation/index.ts'
import type { AssociationFacts, Rejection, RuleSet } from '../routing/index.ts'

/** What a decision is made from, apart from the message itself. */
export interface Site {
  ruleSet: RuleSet
  /** keys the hash of what stick keys are made of; the same for all agents, or they would not agree */
  stickSecret: string
  /** keys the hash by which the log tells patients apart; without it, the log does not */
  patientSecret?: string | undefined
  /** in shadow mode, the pool that everything goes to */
  shadowPool?: string | undefined
  /** what pools accept that declare nothing; without it, the default */
  knowledge?: Knowledge | undefined
  /** whose images are not what their SOP classes say; without it, nobody's */
  doubts?: Doubts | undefined
}

/** What HAProxy tells of an association beside its bytes. */
export type Told = Pick<AssociationFacts, 'id' | 'source' | 'tlsClientCN' | 'live' | 'at'>

/** Connect to `backend`; `offer`, an A-ASSOCIATE-RQ, takes the place of the client's. */
export type Binding = {
  rule: string
  backend: string
  /** what HAProxy hashes to choose a server; undefined where there is nothing to stick to */
  key: string | undefined
  offer: Buffer | undefined
}

/** Send `answer`, an A-ASSOCIATE-RJ or A-ABORT, and close; `refusal` is the reason that the logs give. */
export type Refusal = {
  rule?: string
  refusal: string
  answer: Buffer
}

export type Why = Partial<Pick<Refusal, 'rule' | 'refusal'>>

export function rejected({ reason, transient }: Rejection, why: Why = {}): Refusal {
  return { refusal: reason, ...why, answer: encodeAssociateRj(rejection(reason, transient)) }
}

export function aborted(reason: AbortReason, why: Why = {}): Refusal {
  return { refusal: reason, ...why, answer: encodeAbort(abortReasons[reason]) }
}

/** A keyed hash, so that no PatientID reaches HAProxy or its logs. */
export function stickKey(site: Pick<Site, 'stickSecret'>, values: readonly string[]): string | undefined {
  if (values.length === 0) return undefined
  return createHmac('sha256', site.stickSecret).update(JSON.stringify(values)).digest('base64url')
}
