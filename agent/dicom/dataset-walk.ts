import { type CharacterSet, characterSet } from './character-set.ts'
import { formatTag, groupOf, isPrivateCreator } from './dictionary.ts'
import {
  type ElementStart,
  type Encoding,
  implicitLittleEndian,
  isThere,
  itemDelimitationTag,
  itemTag,
  readElementStart,
  sequenceDelimitationTag,
  undefinedLength,
} from './elements.ts'
import { DicomError } from './errors.ts'
import { trimPadding } from './padding.ts'
import { decodeValues } from './values.ts'
import { collect, reserveBlock, type Slot, slotOf, type Want } from './wanted.ts'

/** Sequences within sequences that are followed. Structured reports nest deepest, around ten. */
const maxDepth = 64
/** The longest value that is turned into text. */
const maxValueLength = 0x10000

const specificCharacterSetTag = 0x00080005
const pixelRepresentationTag = 0x00280103
const pixelDataGroup = 0x7fe0

/** The dataset, or one item of a sequence. */
export interface Level {
  encoding: Encoding
  /** Where it must end; infinity where that is not known. */
  limit: number
  /** It ends with a delimiter, not at `limit`. */
  delimited: boolean
  depth: number
  slots: Slot[]
  /** Inherited by items that do not say (PS3.3 §C.12.1.1.2). */
  characterSet: CharacterSet
  /** Pixel Representation, which decides between US and SS in implicit VR. */
  signedPixels: boolean
}

/** All methods that read return false if the bytes end before what they read does. */
export class DatasetWalk {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** How far it has come. */
  get offset(): number {
    return Math.min(this.#at, this.#bytes.length)
  }

  /** Reads elements until all slots are closed or the level ends; a delimited one to its delimiter. */
  readLevel(level: Level): boolean {
    let open = level.slots.length
    let highest = -1
    let ordered = true
    while (level.delimited || (open > 0 && this.#at < level.limit)) {
      const element = readElementStart(this.#bytes, this.#at, level.limit, level.encoding)
      if (!element) return false
      const { tag } = element
      if (tag === itemDelimitationTag && level.delimited) {
        this.#at = element.valueOffset
        return true
      }
      if (groupOf(tag) === groupOf(itemTag)) throw misplaced(element, this.#at)
      if (tag < highest) ordered = false
      highest = Math.max(highest, tag)
      this.#at = element.valueOffset

      if (open > 0 && !this.#learn(element, level)) return false
      let slot: Slot | undefined
      for (const candidate of level.slots) {
        if (candidate.state !== 'open') continue
        if (candidate.tags.includes(tag)) slot = candidate
        else if (ordered && tag > candidate.ceiling) {
          candidate.state = 'passed'
          open--
        }
      }
      if (slot ? !this.#readWanted(slot.want, element, level) : !this.#skipValue(element, level)) return false
      if (slot) {
        slot.state = 'read'
        open--
      }
    }
    return true
  }

  /** Takes up what later values depend on: character set, signedness, reserved private blocks. */
  #learn(element: ElementStart, level: Level): boolean {
    const { tag, length, valueOffset } = element
    const creator = isPrivateCreator(tag)
    if (!creator && tag !== specificCharacterSetTag && tag !== pixelRepresentationTag) return true
    if (length > maxValueLength) return true
    if (!isThere(this.#bytes, valueOffset, length, level.limit, tag)) return false
    const value = this.#bytes.subarray(valueOffset, valueOffset + length)
    if (tag === specificCharacterSetTag) {
      level.characterSet = characterSet(value.toString('latin1').split('\\').map(trimPadding))
    } else if (tag === pixelRepresentationTag) {
      level.signedPixels = value.includes(1)
    } else {
      const [name] = decodeValues('LO', value, { littleEndian: true, characterSet: level.characterSet }) ?? []
      if (name !== undefined) reserveBlock(level.slots, tag, name)
    }
    return true
  }

  #readWanted(want: Want, element: ElementStart, level: Level): boolean {
    const { tag, length, valueOffset } = element
    if (isFragmented(element)) return this.#readItems(element, level, want)
    const vr = effectiveVr(want, element, level)
    if (vr === 'SQ' || length === undefinedLength || (vr === 'UN' && want.children.length > 0)) {
      return this.#readItems(element, level, want)
    }
    if (!this.#skipValue(element, level)) return false
    const value = this.#bytes.subarray(valueOffset, valueOffset + length)
    const littleEndian = element.vr === 'UN' || level.encoding.littleEndian
    const tooLong = length > maxValueLength
    const values = tooLong
      ? undefined
      : decodeValues(vr, value, { littleEndian, characterSet: level.characterSet })
    if (values) collect(want, values)
    else {
      const problem = tooLong
        ? `a value of ${length} bytes`
        : `${length} bytes do not make whole ${vr} values`
      const place = { field: formatTag(tag), offset: valueOffset, have: length }
      want.malformed = new DicomError(tooLong ? 'too-large' : 'invalid-value', problem, place)
    }
    return true
  }

  #skipValue(element: ElementStart, level: Level): boolean {
    const { tag, length, valueOffset } = element
    if (length === undefinedLength) return this.#readItems(element, level, undefined)
    if (!isThere(this.#bytes, valueOffset, length, level.limit, tag)) return false
    this.#at = valueOffset + length
    return true
  }

  /**
   * PS3.5 §7.5 and §A.4: items up to the declared length or the delimiter. Without a want it only finds the end.
   *
   *   sequence => ( item tag, length u32, dataset )* sequence delimitation?
   */
  #readItems(element: ElementStart, level: Level, want: Want | undefined): boolean {
    const { tag, vr, length, valueOffset } = element
    const field = formatTag(tag)
    const defined = length !== undefinedLength
    if (!defined && vr !== '' && vr !== 'SQ' && vr !== 'UN' && !isFragmented(element)) {
      throw new DicomError('invalid-value', `VR ${vr} with undefined length`, { field, offset: valueOffset })
    }
    if (level.depth >= maxDepth) {
      const place = { field, offset: valueOffset, need: maxDepth }
      throw new DicomError('too-deep', `sequences are nested more than ${maxDepth} deep`, place)
    }
    const limit = defined ? valueOffset + length : level.limit
    if (limit > level.limit) isThere(this.#bytes, valueOffset, length, level.limit, field)
    // PS3.5 §6.2.2: what is in UN is Implicit VR Little Endian.
    const encoding = vr === 'UN' ? implicitLittleEndian : level.encoding
    let items = 0
    while (!defined || this.#at < limit) {
      const item = readElementStart(this.#bytes, this.#at, limit, encoding)
      if (!item) return false
      if (item.tag === sequenceDelimitationTag && !defined) {
        this.#at = item.valueOffset
        break
      }
      if (item.tag !== itemTag) throw misplaced(item, this.#at)
      this.#at = item.valueOffset
      const slots = want?.children.map(slotOf) ?? []
      if (
        !this.#readItem(
          item,
          { ...level, encoding, limit, depth: level.depth + 1, slots },
          isFragmented(element),
        )
      ) {
        return false
      }
      items++
    }
    if (want) collect(want, items > 0 ? [String(items)] : [])
    return true
  }

  /** `level` is the item's, but for its end. A fragment's content is not a dataset. */
  #readItem(item: ElementStart, level: Level, isFragment: boolean): boolean {
    const { length, valueOffset } = item
    if (length === undefinedLength) {
      if (isFragment) throw misplaced(item, valueOffset)
      return this.readLevel({ ...level, delimited: true })
    }
    const there = isThere(this.#bytes, valueOffset, length, level.limit, 'Item')
    const limit = valueOffset + length
    if (!isFragment && !this.readLevel({ ...level, limit, delimited: false })) return false
    this.#at = limit
    return there
  }
}

/** PS3.5 §A.4: encapsulated pixel data is of undefined length, and its items are fragments of bytes. */
function isFragmented({ tag, vr, length }: ElementStart): boolean {
  return length === undefinedLength && (groupOf(tag) === pixelDataGroup || vr === 'OB' || vr === 'OW')
}

/** The VR that is written; the dictionary's where none is, or UN. */
function effectiveVr(want: Want, element: ElementStart, level: Level): string {
  const vr = element.vr === '' || element.vr === 'UN' ? want.vr : element.vr
  switch (vr) {
    case 'xs':
      return level.signedPixels ? 'SS' : 'US'
    case 'ox':
    case 'lt':
      return 'OW'
    case 'up':
      return 'UL'
    default:
      return vr
  }
}

function misplaced({ tag }: ElementStart, offset: number): DicomError {
  const place = { field: 'element', offset }
  return new DicomError('invalid-value', `${formatTag(tag)} cannot stand here`, place)
}
