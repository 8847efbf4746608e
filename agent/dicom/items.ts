import { DicomError } from './errors.ts'
import { trimPadding } from './padding.ts'
import type { Reader } from './reader.ts'

/**
 * PS3.8 §9.3.2 and §9.3.3: an item is type u8, reserved u8, length u16 of what follows, and the content.
 * Readers ignore item types that they do not know, and never look at reserved fields (§9.3.1).
 */
export const ItemType = {
  applicationContext: 0x10,
  presentationContextRq: 0x20,
  presentationContextAc: 0x21,
  abstractSyntax: 0x30,
  transferSyntax: 0x40,
  userInformation: 0x50,
  maxLength: 0x51,
  implementationClassUid: 0x52,
  asyncOperations: 0x53,
  roleSelection: 0x54,
  implementationVersionName: 0x55,
  sopClassExtended: 0x56,
  sopClassCommonExtended: 0x57,
  userIdentityRq: 0x58,
  userIdentityAc: 0x59,
} as const

const maxItemLength = 0xffff
const maxAeTitleLength = 16

/** Calls `read` with each item of the view, in wire order. What `read` leaves of an item is ignored. */
export function readItems(parent: Reader, read: (type: number, item: Reader, offset: number) => void): void {
  while (parent.remaining > 0) {
    const offset = parent.offset
    const type = parent.uint8('Item-type')
    parent.skip(1, 'Reserved')
    const length = parent.uint16('Item-length')
    if (length > parent.remaining) {
      const name = `item ${type.toString(16).padStart(2, '0').toUpperCase()}H`
      throw new DicomError('overrun', `declares ${length} bytes, its parent has ${parent.remaining} left`, {
        field: name,
        offset,
        need: length,
        have: parent.remaining,
      })
    }
    read(type, parent.view(length, 'Item'), offset)
  }
}

/** The value of an item that may stand once: refuses the second. */
export function once<T>(earlier: T | undefined, value: T, field: string, offset: number): T {
  if (earlier !== undefined) throw new DicomError('duplicate-item', 'stands twice', { field, offset })
  return value
}

export function required<T>(value: T | undefined, field: string, offset: number): T {
  if (value === undefined) throw new DicomError('missing-item', 'is missing', { field, offset })
  return value
}

/** A UID that fills the rest of the view. NUL and space padding, which PS3.8 does not use, is forgiven. */
export function readUid(item: Reader, field: string): string {
  return trimPadding(item.text(item.remaining, field))
}

/** PS3.8 §9.3.2: 16 characters, leading and trailing spaces not significant. */
export function readAeTitle(reader: Reader, field: string): string {
  return trimPadding(reader.text(maxAeTitleLength, field))
}

/** PS3.8 §9.3.2 and §9.3.3: presentation-context-IDs are odd, 1 to 255, and stand once. */
export function checkContextId(id: number, seen: Set<number>, offset: number): void {
  const field = 'Presentation-context-ID'
  if (id % 2 === 0 || id > 255) {
    throw new DicomError('invalid-value', `${id} is not an odd number from 1 to 255`, { field, offset })
  }
  if (seen.has(id)) throw new DicomError('duplicate-item', `${id} stands twice`, { field, offset })
  seen.add(id)
}

export function encodeItem(type: number, field: string, ...content: readonly Buffer[]): Buffer {
  const length = content.reduce((sum, part) => sum + part.length, 0)
  if (length > maxItemLength) {
    throw new DicomError('too-large', `${length} bytes, an item holds at most ${maxItemLength}`, {
      field,
      need: maxItemLength,
      have: length,
    })
  }
  return Buffer.concat([Buffer.from([type, 0, length >> 8, length & 0xff]), ...content])
}

export function encodeTextItem(type: number, field: string, text: string): Buffer {
  return encodeItem(type, field, Buffer.from(text, 'latin1'))
}

/** Empty titles are allowed here: clients send them. What a title must be is `checkAeTitle`'s question. */
export function encodeAeTitle(title: string, field: string): Buffer {
  if (title.length > maxAeTitleLength) {
    throw new DicomError('too-large', `"${title}" is longer than 16 characters`, {
      field,
      need: maxAeTitleLength,
      have: title.length,
    })
  }
  return Buffer.from(title.padEnd(maxAeTitleLength), 'latin1')
}

/** PS3.5 §6.2, VR AE: 1 to 16 characters of the default repertoire, no backslash, no control, not only spaces. */
export function checkAeTitle(title: string, field: string): void {
  const problem = aeTitleProblem(title)
  if (problem !== undefined) {
    throw new DicomError('invalid-value', `${JSON.stringify(title)} ${problem}`, {
      field,
      have: title.length,
    })
  }
}

function aeTitleProblem(title: string): string | undefined {
  if (title.length > maxAeTitleLength) return 'is longer than 16 characters'
  if (trimPadding(title) === '') return 'is empty'
  for (const character of title) {
    if (character === '\\') return 'holds a backslash'
    if (character < ' ' || character > '~') return 'holds a character outside printable ASCII'
  }
  return undefined
}

export function encodeUint16(value: number, field: string): Buffer {
  return encodeUnsigned(value, 2, field)
}

export function encodeUint32(value: number, field: string): Buffer {
  return encodeUnsigned(value, 4, field)
}

export function encodeUint8(value: number, field: string): Buffer {
  return encodeUnsigned(value, 1, field)
}

function encodeUnsigned(value: number, size: number, field: string): Buffer {
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** (8 * size)) {
    throw new DicomError('invalid-value', `${value} does not fit ${size} bytes`, { field })
  }
  const bytes = Buffer.alloc(size)
  bytes.writeUIntBE(value, 0, size)
  return bytes
}
