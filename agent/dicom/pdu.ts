import { DicomError } from './errors.ts'

/** PS3.8 §9.3.1: a PDU is type u8, reserved u8, length u32 of what follows, and the body of that length. */
export const PduType = {
  associateRq: 0x01,
  associateAc: 0x02,
  associateRj: 0x03,
  pData: 0x04,
  releaseRq: 0x05,
  releaseRp: 0x06,
  abort: 0x07,
} as const

export const pduHeaderLength = 6

/** The cap on an association PDU's body. The largest seen from real clients is 47 KB. */
export const maxAssociateLength = 1 << 20

export function encodePdu(type: number, ...body: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(pduHeaderLength)
  header.writeUInt8(type, 0)
  header.writeUInt32BE(
    body.reduce((sum, part) => sum + part.length, 0),
    2,
  )
  return Buffer.concat([header, ...body])
}

export function checkAssociateLength(body: Buffer, field: string): void {
  if (body.length > maxAssociateLength) {
    throw new DicomError(
      'too-large',
      `a body of ${body.length} bytes, at most ${maxAssociateLength} are read`,
      {
        field,
        need: maxAssociateLength,
        have: body.length,
      },
    )
  }
}
