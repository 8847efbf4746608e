import { DicomError } from './errors.ts'
import { encodeUint8, encodeUint32 } from './items.ts'
import { encodePdu, PduType } from './pdu.ts'
import { Reader } from './reader.ts'

/** A presentation data value: one fragment of a command set or of a dataset. */
export interface Pdv {
  contextId: number
  /** True for a command fragment, false for a dataset fragment. */
  command: boolean
  /** The last fragment of its command set or dataset. */
  last: boolean
  data: Buffer
}

const commandBit = 1
const lastBit = 2
/** Presentation-context-ID and message control header: what a PDV's length counts before its data. */
export const pdvOverhead = 2

/**
 * PS3.8 §9.3.5, body of a P-DATA-TF, and Annex E:
 *
 *   P-DATA-TF => PDV +
 *   PDV       => length u32, presentation-context-ID u8, message control header u8, data (length - 2)
 */
export function decodePData(body: Buffer): Pdv[] {
  const reader = new Reader(body)
  const pdvs: Pdv[] = []
  while (reader.remaining > 0) {
    const length = reader.uint32('PDV item-length')
    checkPdvLength(length, reader.remaining, reader.offset - 4)
    pdvs.push(decodePdv(reader.view(length, 'PDV')))
  }
  return pdvs
}

/** A PDV behind its length. Its data is what is there, and the caller knows if that is all of it. */
export function decodePdv(item: Reader): Pdv {
  const contextId = item.uint8('Presentation-context-ID')
  const control = item.uint8('Message-control-header')
  return {
    contextId,
    command: (control & commandBit) !== 0,
    last: (control & lastBit) !== 0,
    data: item.rest(),
  }
}

/** A PDV holds its two bytes of overhead, and ends within its PDU. */
export function checkPdvLength(length: number, left: number, offset: number): void {
  const leftInPdu = Math.max(left, 0)
  if (length < pdvOverhead) {
    const place = { field: 'PDV item-length', offset, need: pdvOverhead, have: length }
    throw new DicomError('invalid-value', `${length} is less than its own two bytes of overhead`, place)
  }
  if (length > leftInPdu) {
    const place = { field: 'PDV item-length', offset, need: length, have: leftInPdu }
    throw new DicomError('overrun', `declares ${length} bytes, its PDU has ${leftInPdu} left`, place)
  }
}

/** The whole PDU, header included. */
export function encodePData(pdvs: readonly Pdv[]): Buffer {
  return encodePdu(
    PduType.pData,
    ...pdvs.flatMap(({ contextId, command, last, data }) => [
      encodeUint32(pdvOverhead + data.length, 'PDV item-length'),
      encodeUint8(contextId, 'Presentation-context-ID'),
      Buffer.from([(command ? commandBit : 0) | (last ? lastBit : 0)]),
      data,
    ]),
  )
}
