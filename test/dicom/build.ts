/** Datasets by hand, in Explicit VR Little Endian, for what DCMTK does not write. */

export const explicitLittleEndian = '1.2.840.10008.1.2.1'
export const implicitLittleEndian = '1.2.840.10008.1.2'
export const deflated = '1.2.840.10008.1.2.1.99'
const longVrs = new Set('OB OD OF OL OV OW SQ SV UC UN UR UT UV ZZ'.split(' '))
const undefinedLength = 0xffffffff

type Content = string | Buffer

function bytesOf(content: Content): Buffer {
  return typeof content === 'string' ? Buffer.from(content, 'latin1') : content
}

/** Text is padded to even length; `length` overrules what the header says. */
export function element(tag: number, vr: string, content: Content, length?: number): Buffer {
  const padded = typeof content === 'string' && content.length % 2 === 1 ? `${content} ` : content
  const value = bytesOf(padded)
  const header = Buffer.alloc(longVrs.has(vr) ? 12 : 8)
  header.writeUInt16LE(tag >>> 16, 0)
  header.writeUInt16LE(tag & 0xffff, 2)
  header.write(vr, 4, 'latin1')
  if (header.length === 12) header.writeUInt32LE(length ?? value.length, 8)
  else header.writeUInt16LE(length ?? value.length, 6)
  return Buffer.concat([header, value])
}

/** An element of Implicit VR Little Endian; also items and delimiters of any syntax. */
export function implicit(tag: number, content: Content, length?: number): Buffer {
  const value = bytesOf(content)
  const header = Buffer.alloc(8)
  header.writeUInt16LE(tag >>> 16, 0)
  header.writeUInt16LE(tag & 0xffff, 2)
  header.writeUInt32LE(length ?? value.length, 4)
  return Buffer.concat([header, value])
}

export function item(...elements: Buffer[]): Buffer {
  return implicit(0xfffee000, Buffer.concat(elements))
}

export function sequence(tag: number, ...items: Buffer[]): Buffer {
  return element(tag, 'SQ', Buffer.concat(items))
}

export function undefinedItem(...elements: Buffer[]): Buffer {
  return Buffer.concat([implicit(0xfffee000, '', undefinedLength), ...elements, implicit(0xfffee00d, '')])
}

/** Of VR SQ, or UN, or another one. */
export function undefinedSequence(tag: number, vr: string, ...items: Buffer[]): Buffer {
  return Buffer.concat([element(tag, vr, '', undefinedLength), ...items, implicit(0xfffee0dd, '')])
}
