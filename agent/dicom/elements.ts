import { formatTag, tagOf } from './dictionary.ts'
import { DicomError } from './errors.ts'

/** How a dataset's elements are written: all that a transfer syntax says outside pixel data. */
export interface Encoding {
  explicitVr: boolean
  littleEndian: boolean
}

export const implicitLittleEndian: Encoding = { explicitVr: false, littleEndian: true }

/** What stands before an element's value. */
export interface ElementStart {
  tag: number
  /** '' in implicit VR, and for items and delimiters, which have none. */
  vr: string
  /** Bytes of the value, or `undefinedLength`. */
  length: number
  /** Where the value begins. */
  valueOffset: number
}

export const undefinedLength = 0xffffffff

export const itemTag = 0xfffee000
export const itemDelimitationTag = 0xfffee00d
export const sequenceDelimitationTag = 0xfffee0dd
const itemGroupStart = 0xfffe0000
const itemGroupEnd = 0xfffeffff

/** PS3.5 §7.1.2: VRs whose length has 16 bits. All others, future ones too, have 2 reserved bytes and 32 bits. */
const shortVrs: ReadonlySet<string> = new Set(
  'AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US'.split(' '),
)

/**
 * PS3.5 §7.1, at `offset`:
 *
 *   explicit VR => tag u16 u16, VR 2, ( length u16 | reserved 2, length u32 )
 *   implicit VR => tag u16 u16, length u32
 *   item        => tag u16 u16, length u32, in both
 *
 * Undefined if the bytes end before that does. `limit` is where the enclosing item ends, by what it declared.
 */
export function readElementStart(
  bytes: Buffer,
  offset: number,
  limit: number,
  { explicitVr, littleEndian }: Encoding,
): ElementStart | undefined {
  if (!isThere(bytes, offset, 8, limit, 'element')) return undefined
  const tag = tagOf(uint16(bytes, offset, littleEndian), uint16(bytes, offset + 2, littleEndian))
  const isItem = tag >= itemGroupStart && tag <= itemGroupEnd
  if (!explicitVr || isItem) {
    return { tag, vr: '', length: uint32(bytes, offset + 4, littleEndian), valueOffset: offset + 8 }
  }
  const vr = bytes.toString('latin1', offset + 4, offset + 6)
  if (shortVrs.has(vr)) {
    return { tag, vr, length: uint16(bytes, offset + 6, littleEndian), valueOffset: offset + 8 }
  }
  if (!isCapital(vr.charCodeAt(0)) || !isCapital(vr.charCodeAt(1))) {
    throw new DicomError('invalid-value', `${JSON.stringify(vr)} is not a VR`, {
      field: 'VR',
      offset: offset + 4,
    })
  }
  if (!isThere(bytes, offset, 12, limit, 'element')) return undefined
  return { tag, vr, length: uint32(bytes, offset + 8, littleEndian), valueOffset: offset + 12 }
}

/** False if the bytes end before these `length`; throws if what encloses them ends before. `field`: its name, or a tag. */
export function isThere(
  bytes: Buffer,
  offset: number,
  length: number,
  limit: number,
  field: string | number,
): boolean {
  if (offset + length > limit) {
    const have = limit - offset
    const problem = `declares ${length} bytes, what encloses it has ${have} left`
    const name = typeof field === 'number' ? formatTag(field) : field
    throw new DicomError('overrun', problem, { field: name, offset, need: length, have })
  }
  return offset + length <= bytes.length
}

function uint16(bytes: Buffer, offset: number, littleEndian: boolean): number {
  return littleEndian ? bytes.readUInt16LE(offset) : bytes.readUInt16BE(offset)
}

function uint32(bytes: Buffer, offset: number, littleEndian: boolean): number {
  return littleEndian ? bytes.readUInt32LE(offset) : bytes.readUInt32BE(offset)
}

function isCapital(code: number): boolean {
  return code >= 0x41 && code <= 0x5a
}
