import { PduType, pduHeaderLength } from '../../agent/dicom/index.ts'
import { mutate } from './mutate.ts'

/** Where a length stands. */
interface Length {
  at: number
  /** in bytes; those of elements, in a command set or a dataset, are little endian */
  size: 2 | 4
  little?: boolean
}

const lies = [0, 1, -1, +1, +100, 0x7f, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff]

/** The PDUs with up to two lengths that lie, with mistakes anywhere, or with both. */
export function withMistakes(pdus: readonly Buffer[], random: () => number): Buffer {
  const any = <T>(of: readonly T[]) => of[Math.floor(of.length * random())] as T
  const bytes = Buffer.concat(pdus)
  const lengths = lengthsOf(pdus)
  const count = any([0, 1, 2])
  for (let n = 0; n < count; n++) lie(bytes, any(lengths), any(lies))
  return count > 0 && random() < 0.5 ? bytes : mutate(bytes, random)
}

/** Small numbers are added to the length, others take its place. */
function lie(bytes: Buffer, { at, size, little = false }: Length, by: number): void {
  if (at + size > bytes.length) return
  const length = little ? bytes.readUIntLE(at, size) : bytes.readUIntBE(at, size)
  const most = 2 ** (8 * size) - 1
  const told = by !== 0 && Math.abs(by) <= 100 ? length + by : by
  const value = Math.min(Math.max(told, 0), most)
  if (little) bytes.writeUIntLE(value, at, size)
  else bytes.writeUIntBE(value, at, size)
}

function lengthsOf(pdus: readonly Buffer[]): Length[] {
  const lengths: Length[] = []
  let begin = 0
  for (const pdu of pdus) {
    lengths.push({ at: begin + 2, size: 4 })
    if (pdu[0] === PduType.associateRq) {
      const items = lengthsOfItems(pdu, pduHeaderLength + 68, pdu.length)
      lengths.push(...items.map(at => ({ at: begin + at, size: 2 as const })))
    }
    if (pdu[0] === PduType.pData) lengths.push(...lengthsOfPdvs(pdu, begin))
    begin += pdu.length
  }
  return lengths
}

/** Of items (PS3.8 §9.3.2), and of those in presentation contexts and the user information. */
function lengthsOfItems(bytes: Buffer, from: number, to: number): number[] {
  const lengths: number[] = []
  for (let at = from; at + 4 <= to; ) {
    const end = at + 4 + bytes.readUInt16BE(at + 2)
    lengths.push(at + 2)
    if (bytes[at] === 0x20) lengths.push(...lengthsOfItems(bytes, at + 8, end))
    if (bytes[at] === 0x50) lengths.push(...lengthsOfItems(bytes, at + 4, end))
    at = end
  }
  return lengths
}

/** Of PDVs, and of the elements that stand whole in those that begin with one. */
function lengthsOfPdvs(pdu: Buffer, begin: number): Length[] {
  const lengths: Length[] = []
  for (let at = pduHeaderLength; at < pdu.length; ) {
    const end = at + 4 + pdu.readUInt32BE(at)
    lengths.push({ at: begin + at, size: 4 })
    for (let element = at + 6; element + 8 <= end; ) {
      lengths.push({ at: begin + element + 4, size: 4, little: true })
      element += 8 + pdu.readUInt32LE(element + 4)
    }
    at = end
  }
  return lengths
}
