import { encodePdu, PduType } from './pdu.ts'
import { Reader } from './reader.ts'

/** PS3.8 §9.3.6 and §9.3.7, body of A-RELEASE-RQ and A-RELEASE-RP => reserved 4. Throws unless it is that. */
export function decodeRelease(body: Buffer): void {
  const reader = new Reader(body)
  reader.skip(4, 'Reserved')
  reader.expectEnd('A-RELEASE')
}

/** The whole PDU, header included. */
export function encodeReleaseRq(): Buffer {
  return encodePdu(PduType.releaseRq, Buffer.alloc(4))
}

/** The whole PDU, header included. */
export function encodeReleaseRp(): Buffer {
  return encodePdu(PduType.releaseRp, Buffer.alloc(4))
}
