import { type CharacterSet, nameDelimiters, textDelimiters } from './character-set.ts'
import { formatTag, tagOf } from './dictionary.ts'
import { trimPadding, trimPaddingEnd } from './padding.ts'

/** What the bytes of a value mean depends on. */
export interface ValueContext {
  littleEndian: boolean
  characterSet: CharacterSet
}

type Decode = (value: Buffer, context: ValueContext) => string[] | undefined

/**
 * The values of an element as text, by VR (PS3.5 §6.2):
 *
 * - text of several values is split on backslashes and freed of padding: spaces and NULs on both sides, where
 *   the VR says that leading spaces mean something (UC, ST, LT, UT, UR) only behind
 * - ST, LT, UT and UR are one value
 * - numbers are decimal, FL and OF with the fewest digits that name the same 32-bit number
 * - AT is (GGGG,EEEE); OB is one number a byte, OW and the others one a word
 * - UN, and a VR that is not known, is read as text like LO
 *
 * No values if the value is empty or padding only; undefined if its length does not fit the VR.
 */
export function decodeValues(vr: string, value: Buffer, context: ValueContext): string[] | undefined {
  if (value.length === 0) return []
  return (decoders[vr] ?? shortText)(value, context)
}

const asciiText: Decode = value => splitValues(value.toString('latin1'))
const shortText: Decode = (value, { characterSet }) => splitValues(characterSet.decode(value, textDelimiters))
const personName: Decode = (value, { characterSet }) =>
  splitValues(characterSet.decode(value, nameDelimiters))
const longText: Decode = (value, { characterSet }) => single(characterSet.decode(value, textDelimiters))
const unlimitedText: Decode = (value, { characterSet }) =>
  nonEmpty(characterSet.decode(value, textDelimiters).split('\\').map(trimPaddingEnd))
const uri: Decode = value => single(value.toString('latin1'))

const decoders: Readonly<Record<string, Decode>> = {
  AE: asciiText,
  AS: asciiText,
  CS: asciiText,
  DA: asciiText,
  DS: asciiText,
  DT: asciiText,
  IS: asciiText,
  TM: asciiText,
  UI: asciiText,
  LO: shortText,
  SH: shortText,
  UN: shortText,
  PN: personName,
  UC: unlimitedText,
  LT: longText,
  ST: longText,
  UT: longText,
  UR: uri,
  OB: numbers(1, (view, at) => view.getUint8(at)),
  US: numbers(2, (view, at, little) => view.getUint16(at, little)),
  OW: numbers(2, (view, at, little) => view.getUint16(at, little)),
  SS: numbers(2, (view, at, little) => view.getInt16(at, little)),
  UL: numbers(4, (view, at, little) => view.getUint32(at, little)),
  OL: numbers(4, (view, at, little) => view.getUint32(at, little)),
  SL: numbers(4, (view, at, little) => view.getInt32(at, little)),
  UV: numbers(8, (view, at, little) => view.getBigUint64(at, little)),
  OV: numbers(8, (view, at, little) => view.getBigUint64(at, little)),
  SV: numbers(8, (view, at, little) => view.getBigInt64(at, little)),
  FL: numbers(4, (view, at, little) => shortestFloat(view.getFloat32(at, little))),
  OF: numbers(4, (view, at, little) => shortestFloat(view.getFloat32(at, little))),
  FD: numbers(8, (view, at, little) => view.getFloat64(at, little)),
  OD: numbers(8, (view, at, little) => view.getFloat64(at, little)),
  AT: numbers(4, (view, at, little) =>
    formatTag(tagOf(view.getUint16(at, little), view.getUint16(at + 2, little))),
  ),
}

function numbers(
  size: number,
  read: (view: DataView, at: number, little: boolean) => number | bigint | string,
): Decode {
  return (value, { littleEndian }) => {
    if (value.length % size !== 0) return undefined
    const view = new DataView(value.buffer, value.byteOffset, value.length)
    return Array.from({ length: value.length / size }, (_, index) =>
      String(read(view, index * size, littleEndian)),
    )
  }
}

/** 0.1 for the 32-bit number that prints as 0.10000000149011612 when it is taken for a 64-bit one. */
function shortestFloat(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const shorter = Number(value.toPrecision(digits))
    if (Math.fround(shorter) === value) return shorter
  }
  return value
}

function splitValues(text: string): string[] {
  return nonEmpty(text.split('\\').map(trimPadding))
}

function single(text: string): string[] {
  return nonEmpty([trimPaddingEnd(text)])
}

function nonEmpty(values: string[]): string[] {
  return values.length === 1 && values[0] === '' ? [] : values
}
