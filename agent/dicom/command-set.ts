import { DicomError } from './errors.ts'
import { trimPadding } from './padding.ts'

/** PS3.7 Annex E.1: the command elements that are not retired, with tag (group 0000) and VR. */
const commandElements = {
  AffectedSOPClassUID: { tag: 0x0002, vr: 'UI' },
  RequestedSOPClassUID: { tag: 0x0003, vr: 'UI' },
  CommandField: { tag: 0x0100, vr: 'US' },
  MessageID: { tag: 0x0110, vr: 'US' },
  MessageIDBeingRespondedTo: { tag: 0x0120, vr: 'US' },
  MoveDestination: { tag: 0x0600, vr: 'AE' },
  Priority: { tag: 0x0700, vr: 'US' },
  CommandDataSetType: { tag: 0x0800, vr: 'US' },
  Status: { tag: 0x0900, vr: 'US' },
  OffendingElement: { tag: 0x0901, vr: 'AT' },
  ErrorComment: { tag: 0x0902, vr: 'LO' },
  ErrorID: { tag: 0x0903, vr: 'US' },
  AffectedSOPInstanceUID: { tag: 0x1000, vr: 'UI' },
  RequestedSOPInstanceUID: { tag: 0x1001, vr: 'UI' },
  EventTypeID: { tag: 0x1002, vr: 'US' },
  AttributeIdentifierList: { tag: 0x1005, vr: 'AT' },
  ActionTypeID: { tag: 0x1008, vr: 'US' },
  NumberOfRemainingSuboperations: { tag: 0x1020, vr: 'US' },
  NumberOfCompletedSuboperations: { tag: 0x1021, vr: 'US' },
  NumberOfFailedSuboperations: { tag: 0x1022, vr: 'US' },
  NumberOfWarningSuboperations: { tag: 0x1023, vr: 'US' },
  MoveOriginatorApplicationEntityTitle: { tag: 0x1030, vr: 'AE' },
  MoveOriginatorMessageID: { tag: 0x1031, vr: 'US' },
} as const

type Keyword = keyof typeof commandElements
type Vr = (typeof commandElements)[Keyword]['vr']
interface ValueOf {
  UI: string
  AE: string
  LO: string
  US: number
  /** Tags as 32-bit numbers, group first. */
  AT: number[]
}

/** The elements of a command set by keyword. */
export type CommandElements = { -readonly [K in Keyword]?: ValueOf[(typeof commandElements)[K]['vr']] }

export interface CommandSet {
  /** PS3.7 §E.1: 0001H C-STORE-RQ, 0020H C-FIND-RQ, 0030H C-ECHO-RQ; a response has bit 8000H. */
  commandField: number
  /** 0 in a response, which has MessageIDBeingRespondedTo in `elements`. */
  messageId: number
  /** '' where the command has none, as the two below. */
  affectedSopClassUid: string
  affectedSopInstanceUid: string
  /** Command Data Set Type is not 0101H. */
  hasDataset: boolean
  elements: CommandElements
}

const noDataset = 0x0101
const groupLengthTag = 0x0000
const elementHeaderLength = 8
const byTag = new Map<number, { keyword: string; vr: Vr }>(
  Object.entries(commandElements).map(([keyword, { tag, vr }]) => [tag, { keyword, vr }]),
)

/**
 * PS3.7 §6.3.1: a command set is Implicit VR Little Endian, all of group 0000, in ascending order.
 * Elements of that group that Annex E.1 does not name are ignored, and so is the group length: PS3.8 says where
 * the command set ends. Of a repeated element the last stands.
 */
export function decodeCommandSet(bytes: Buffer): CommandSet {
  const elements: Record<string, string | number | number[]> = {}
  let offset = 0
  while (offset < bytes.length) {
    const have = bytes.length - offset
    if (have < elementHeaderLength) {
      const place = { field: 'command element', offset, need: elementHeaderLength, have }
      throw new DicomError('overrun', `needs ${elementHeaderLength} bytes, ${have} are left`, place)
    }
    const group = bytes.readUInt16LE(offset)
    const tag = bytes.readUInt16LE(offset + 2)
    const length = bytes.readUInt32LE(offset + 4)
    const field = byTag.get(tag)?.keyword ?? `(0000,${tag.toString(16).padStart(4, '0')})`
    if (group !== 0) {
      throw new DicomError('invalid-value', `group ${group} in a command set, which has group 0 only`, {
        field,
        offset,
      })
    }
    offset += elementHeaderLength
    if (length > bytes.length - offset) {
      const place = { field, offset, need: length, have: bytes.length - offset }
      throw new DicomError('overrun', `declares ${length} bytes, ${place.have} are left`, place)
    }
    const known = byTag.get(tag)
    if (known)
      elements[known.keyword] = decodeValue(bytes.subarray(offset, offset + length), known.vr, field, offset)
    offset += length
  }
  return summarize(elements, bytes.length)
}

function summarize(elements: CommandElements, end: number): CommandSet {
  const { CommandField: commandField, CommandDataSetType: dataSetType } = elements
  if (commandField === undefined)
    throw new DicomError('missing-item', 'is missing', { field: 'CommandField', offset: end })
  if (dataSetType === undefined) {
    throw new DicomError('missing-item', 'is missing', { field: 'CommandDataSetType', offset: end })
  }
  return {
    commandField,
    messageId: elements.MessageID ?? 0,
    affectedSopClassUid: elements.AffectedSOPClassUID ?? '',
    affectedSopInstanceUid: elements.AffectedSOPInstanceUID ?? '',
    hasDataset: dataSetType !== noDataset,
    elements,
  }
}

function decodeValue(value: Buffer, vr: Vr, field: string, offset: number): string | number | number[] {
  switch (vr) {
    case 'UI':
    case 'AE':
    case 'LO':
      return trimPadding(value.toString('latin1'))
    case 'US':
      if (value.length !== 2) {
        const place = { field, offset, need: 2, have: value.length }
        throw new DicomError('invalid-value', `a number of ${value.length} bytes, it has 2`, place)
      }
      return value.readUInt16LE()
    case 'AT': {
      if (value.length % 4 !== 0) {
        const place = { field, offset, need: 4, have: value.length }
        throw new DicomError('invalid-value', `${value.length} bytes are not a list of tags`, place)
      }
      const tags: number[] = []
      for (let at = 0; at < value.length; at += 4) {
        tags.push(value.readUInt16LE(at) * 0x10000 + value.readUInt16LE(at + 2))
      }
      return tags
    }
  }
}

/** The command set of these elements, with its group length, ready to be a command fragment. */
export function encodeCommandSet(elements: CommandElements): Buffer {
  const parts: Buffer[] = []
  for (const [keyword, { tag, vr }] of Object.entries(commandElements)) {
    const value = elements[keyword as Keyword]
    if (value !== undefined) parts.push(encodeElement(tag, encodeValue(value, vr, keyword)))
  }
  const groupLength = Buffer.alloc(4)
  groupLength.writeUInt32LE(parts.reduce((sum, part) => sum + part.length, 0))
  return Buffer.concat([encodeElement(groupLengthTag, groupLength), ...parts])
}

function encodeElement(tag: number, value: Buffer): Buffer {
  const header = Buffer.alloc(elementHeaderLength)
  header.writeUInt16LE(tag, 2)
  header.writeUInt32LE(value.length, 4)
  return Buffer.concat([header, value])
}

function encodeValue(value: string | number | number[], vr: Vr, field: string): Buffer {
  if (typeof value === 'string') {
    const padding = vr === 'UI' ? '\0' : ' '
    return Buffer.from(value.length % 2 === 0 ? value : value + padding, 'latin1')
  }
  if (typeof value === 'number') {
    if (!Number.isInteger(value) || value < 0 || value > 0xffff) {
      throw new DicomError('invalid-value', `${value} does not fit 2 bytes`, { field })
    }
    return Buffer.from([value & 0xff, value >> 8])
  }
  const tags = Buffer.alloc(4 * value.length)
  value.forEach((tag, index) => {
    tags.writeUInt16LE(tag >>> 16, 4 * index)
    tags.writeUInt16LE(tag & 0xffff, 4 * index + 2)
  })
  return tags
}
