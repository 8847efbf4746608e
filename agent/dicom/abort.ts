import { encodeUint8 } from './items.ts'
import { encodePdu, PduType } from './pdu.ts'
import { Reader } from './reader.ts'

export interface Abort {
  /** 0 service user, 2 service provider. */
  source: number
  /** Means nothing where the source is the service user. */
  reason: number
}

/** PS3.8 §9.3.8, table 9-26, by name. */
export const abortReasons = {
  'service-user': { source: 0, reason: 0 },
  'reason-not-specified': { source: 2, reason: 0 },
  'unrecognized-pdu': { source: 2, reason: 1 },
  'unexpected-pdu': { source: 2, reason: 2 },
  'unrecognized-pdu-parameter': { source: 2, reason: 4 },
  'unexpected-pdu-parameter': { source: 2, reason: 5 },
  'invalid-pdu-parameter-value': { source: 2, reason: 6 },
} as const satisfies Record<string, Abort>

export type AbortReason = keyof typeof abortReasons

/** PS3.8 §9.3.8, body of an A-ABORT => reserved, reserved, source u8, reason u8. */
export function decodeAbort(body: Buffer): Abort {
  const reader = new Reader(body)
  reader.skip(2, 'Reserved')
  const source = reader.uint8('Source')
  const reason = reader.uint8('Reason/Diag.')
  reader.expectEnd('A-ABORT')
  return { source, reason }
}

/** The whole PDU, header included. */
export function encodeAbort({ source, reason }: Abort): Buffer {
  return encodePdu(
    PduType.abort,
    Buffer.alloc(2),
    encodeUint8(source, 'Source'),
    encodeUint8(reason, 'Reason/Diag.'),
  )
}
