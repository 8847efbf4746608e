import { defaultCharacterSet } from './character-set.ts'
import { DatasetWalk, type Level } from './dataset-walk.ts'
import type { Encoding } from './elements.ts'
import { DicomError } from './errors.ts'
import { inflateHead } from './inflate.ts'
import type { TagPath } from './tag-path.ts'
import { datasetEncoding } from './transfer-syntaxes.ts'
import { type Lookup, settle, slotOf, wantsOf } from './wanted.ts'

/** What the beginning of a dataset says of some paths. */
export interface DatasetHead {
  /** in the order of the paths */
  lookups: Lookup[]
  /** how many bytes it took to tell; all of them, where they did not do */
  needed: number
}

/**
 * Looks up elements in the beginning of a dataset, in one pass that ends as soon as all are known. `complete`
 * says that the bytes are the whole dataset. The lookups come in the order of the paths:
 *
 * - *present*: the whole value was read (`decodeValues` says in which form). No values: its length is zero, or it
 *   is padding only. What is made of items, a sequence or encapsulated pixel data, has one value, their number,
 *   or none if there are none. A path through sequences collects the values of all items; of repeated elements
 *   the first counts.
 * - *absent*: a greater tag came in its stead (PS3.5 §7.1: ascending order), or the dataset has ended. Once one tag
 *   has come out of order only the end counts.
 * - *unknown*: the bytes end before either is certain, in the middle of the value or of a sequence on the way,
 *   too. Never a shortened value. Also if the value is longer than 64 KiB, and for all that lies behind a place
 *   where the bytes are no dataset; then `malformed` says so.
 *
 * Transfer syntaxes that PS3.6 does not name are read as Explicit VR Little Endian, as all encapsulated ones are.
 */
export function readDatasetHead(
  bytes: Buffer,
  transferSyntax: string,
  paths: readonly TagPath[],
  complete: boolean,
): DatasetHead {
  const encoding = datasetEncoding(transferSyntax)
  return encoding.deflated
    ? lookUpDeflated(bytes, encoding, paths, complete)
    : lookUp(bytes, encoding, paths, complete)
}

/** Inflates twice as much each time, since most rules ask for what the first KB holds. */
function lookUpDeflated(
  bytes: Buffer,
  encoding: Encoding,
  paths: readonly TagPath[],
  complete: boolean,
): DatasetHead {
  let lookups: Lookup[] = paths.map(() => ({ state: 'unknown' }))
  // Deflate makes at most 1,032 bytes of one, so this much never exceeds the cap.
  let length = 512
  while (true) {
    const isAll = length >= bytes.length
    try {
      const inflated = inflateHead(bytes.subarray(0, length), isAll && complete)
      if (!inflated) return { lookups, needed: bytes.length }
      lookups = lookUp(inflated.bytes, encoding, paths, inflated.whole).lookups
    } catch (error) {
      lookups = lookups.map(lookup => (lookup.state === 'unknown' ? unknown(error) : lookup))
      return { lookups, needed: bytes.length }
    }
    if (isAll || lookups.every(isKnown)) return { lookups, needed: Math.min(length, bytes.length) }
    length *= 2
  }
}

function lookUp(
  bytes: Buffer,
  encoding: Encoding,
  paths: readonly TagPath[],
  complete: boolean,
): DatasetHead {
  const level: Level = {
    encoding,
    limit: complete ? bytes.length : Number.POSITIVE_INFINITY,
    delimited: false,
    depth: 0,
    slots: wantsOf(paths).map(slotOf),
    characterSet: defaultCharacterSet,
    signedPixels: false,
  }
  let end: Lookup = { state: 'absent' }
  const walk = new DatasetWalk(bytes)
  try {
    if (!walk.readLevel(level)) end = { state: 'unknown' }
  } catch (error) {
    end = unknown(error)
  }
  const lookups: Lookup[] = paths.map(() => end)
  for (const slot of level.slots) {
    if (slot.state !== 'open') settle(slot.want, lookups)
  }
  return { lookups, needed: lookups.every(isKnown) ? walk.offset : bytes.length }
}

function isKnown({ state }: Lookup): boolean {
  return state !== 'unknown'
}

function unknown(error: unknown): Lookup {
  if (!(error instanceof DicomError)) throw error
  return { state: 'unknown', malformed: error }
}
