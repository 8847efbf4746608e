// Variable-length integer, SPOE §3.1: unsigned, at most 64 bits.
//
//   below 240   one byte
//   else        low 4 bits | 0xF0, then of (v - 240) >> 4 seven bits a byte, least significant first;
//               each byte from 128 on means that (v - 128) >> 7 follows

import { Parser } from 'binary-parser'
import { SpopError, Status } from './errors.ts'
import type { Writer } from './writer.ts'

/** 4 bits of the first byte and 9 times 7 bits hold any 64-bit value. */
const MAX_FOLLOWING_BYTES = 9
const UINT64_LIMIT = 2n ** 64n

interface VarintBytes {
  first: number
  following?: number[]
}

const following = new Parser().array('following', {
  type: 'uint8',
  readUntil(this: VarintBytes, byte: number) {
    return byte < 128 || this.following?.length === MAX_FOLLOWING_BYTES
  },
})

/**
 * Layout whose fields `varintValue` or `varintNumber` turn into the value, as a `formatter`.
 * @internal
 */
export const varintLayout = new Parser().uint8('first').choice({
  tag(this: VarintBytes) {
    return this.first < 240 ? 0 : 1
  },
  choices: { 0: new Parser(), 1: following },
})

/** A number up to 2^53 - 1, a bigint from there to 2^64 - 1. */
export function varintValue({ first, following }: VarintBytes): number | bigint {
  if (following === undefined) return first
  const complete = (following.at(-1) ?? 0) < 128
  if (!complete) throw tooLong()
  let value = first
  let weight = 16
  for (const byte of following) {
    value += byte * weight
    weight *= 128
  }
  return value <= Number.MAX_SAFE_INTEGER ? value : exactValue(first, following)
}

/** The value where only a number makes sense: lengths, stream-id, frame-id. */
export function varintNumber(bytes: VarintBytes): number {
  const value = varintValue(bytes)
  if (typeof value === 'bigint') throw tooLong()
  return value
}

function exactValue(first: number, following: number[]): bigint {
  let value = BigInt(first)
  let shift = 4n
  for (const byte of following) {
    value += BigInt(byte) << shift
    shift += 7n
  }
  if (value >= UINT64_LIMIT) throw tooLong()
  return value
}

function tooLong(): SpopError {
  return new SpopError(Status.invalidFrame, 'varint out of range', { field: 'varint' })
}

/** Writes an integer in -2^63 … 2^64 - 1; a negative one as its 64-bit two's complement, as HAProxy does. */
export function writeVarint(writer: Writer, value: number | bigint): void {
  if (typeof value === 'bigint' || value < 0) {
    writeVarint64(writer, BigInt.asUintN(64, BigInt(value)))
    return
  }
  if (value < 240) {
    writer.uint8(value)
    return
  }
  writer.uint8((value % 16) | 0xf0)
  let rest = Math.floor((value - 240) / 16)
  while (rest >= 128) {
    writer.uint8((rest % 128) | 0x80)
    rest = Math.floor((rest - 128) / 128)
  }
  writer.uint8(rest)
}

function writeVarint64(writer: Writer, value: bigint): void {
  if (value <= Number.MAX_SAFE_INTEGER) {
    writeVarint(writer, Number(value))
    return
  }
  writer.uint8(Number(value & 0x0fn) | 0xf0)
  let rest = (value - 240n) >> 4n
  while (rest >= 128n) {
    writer.uint8(Number(rest & 0x7fn) | 0x80)
    rest = (rest - 128n) >> 7n
  }
  writer.uint8(Number(rest))
}
