import { readElementStart } from './elements.ts'
import { DicomError } from './errors.ts'
import { trimPadding } from './padding.ts'

/** A file of PS3.10 §7 as far as it was read. */
export interface Part10 {
  /** (0002,0002), the SOP class of the dataset */
  sopClass: string
  /** (0002,0010) */
  transferSyntax: string
  /** from its first byte on */
  dataset: Buffer
}

const preambleLength = 128
const mark = 'DICM'
const metaGroup = 0x0002
const metaEncoding = { explicitVr: true, littleEndian: true }

export function isPart10(bytes: Buffer): boolean {
  return bytes.toString('latin1', preambleLength, preambleLength + mark.length) === mark
}

/** PS3.10 §7.1: preamble, DICM, and the File Meta Information in Explicit VR Little Endian up to the first other group. */
export function readPart10(bytes: Buffer): Part10 {
  if (!isPart10(bytes)) {
    const place = { field: 'File Preamble', offset: preambleLength }
    throw new DicomError('invalid-value', 'there is no DICM: not a DICOM file', place)
  }
  const meta = new Map<number, string>()
  let at = preambleLength + mark.length
  // what follows is in another transfer syntax, and may be deflated: the group must be known before it is read on
  while (at + 2 <= bytes.length && bytes.readUInt16LE(at) === metaGroup) {
    const element = readElementStart(bytes, at, Number.POSITIVE_INFINITY, metaEncoding)
    if (!element) break
    const end = element.valueOffset + element.length
    meta.set(element.tag, trimPadding(bytes.toString('latin1', element.valueOffset, end)))
    at = end
  }
  return {
    sopClass: meta.get(0x00020002) ?? '',
    transferSyntax: required(meta, at),
    dataset: bytes.subarray(at),
  }
}

function required(meta: ReadonlyMap<number, string>, offset: number): string {
  const uid = meta.get(0x00020010)
  if (uid) return uid
  throw new DicomError('missing-item', 'without it the dataset cannot be read', {
    field: 'Transfer Syntax UID (0002,0010)',
    offset,
  })
}
