import { encodeUint8 } from './items.ts'
import { encodePdu, PduType } from './pdu.ts'
import { Reader } from './reader.ts'

export interface AssociateRj {
  /** 1 rejected permanent, 2 rejected transient. */
  result: number
  /** 1 service user, 2 service provider (ACSE), 3 service provider (presentation). */
  source: number
  reason: number
}

const permanent = 1
const transient = 2

/**
 * PS3.8 §9.3.4, table 9-21, by name. The standard leaves the result open; here it is transient for what a
 * later try can cure, since clients queue and retry only then.
 */
export const rejectReasons = {
  'no-reason-given': { result: permanent, source: 1, reason: 1 },
  'application-context-name-not-supported': { result: permanent, source: 1, reason: 2 },
  'calling-ae-title-not-recognized': { result: permanent, source: 1, reason: 3 },
  'called-ae-title-not-recognized': { result: permanent, source: 1, reason: 7 },
  'acse-no-reason-given': { result: permanent, source: 2, reason: 1 },
  'protocol-version-not-supported': { result: permanent, source: 2, reason: 2 },
  'temporary-congestion': { result: transient, source: 3, reason: 1 },
  'local-limit-exceeded': { result: transient, source: 3, reason: 2 },
} as const satisfies Record<string, AssociateRj>

export type RejectReason = keyof typeof rejectReasons

/** The rejection for a reason; transient or permanent where that is said, or else as usual for the reason. */
export function rejection(reason: RejectReason, isTransient?: boolean): AssociateRj {
  const usual = rejectReasons[reason]
  return isTransient === undefined ? usual : { ...usual, result: isTransient ? transient : permanent }
}

/** PS3.8 §9.3.4, body of an A-ASSOCIATE-RJ => reserved, result u8, source u8, reason u8. */
export function decodeAssociateRj(body: Buffer): AssociateRj {
  const reader = new Reader(body)
  reader.skip(1, 'Reserved')
  const result = reader.uint8('Result')
  const source = reader.uint8('Source')
  const reason = reader.uint8('Reason/Diag.')
  reader.expectEnd('A-ASSOCIATE-RJ')
  return { result, source, reason }
}

/** The whole PDU, header included. */
export function encodeAssociateRj({ result, source, reason }: AssociateRj): Buffer {
  return encodePdu(
    PduType.associateRj,
    Buffer.alloc(1),
    encodeUint8(result, 'Result'),
    encodeUint8(source, 'Source'),
    encodeUint8(reason, 'Reason/Diag.'),
  )
}
