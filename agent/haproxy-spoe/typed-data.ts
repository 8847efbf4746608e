// Typed data, SPOE §3.1: type in the low nibble, flags in the high one.
//
//   NULL   <0>                BOOL   <1+FLAG>
//   INT32  <2><VALUE:varint>  UINT32 <3><VALUE:varint>  INT64 <4><VALUE:varint>  UINT64 <5><VALUE:varint>
//   IPV4   <6><4 bytes>       IPV6   <7><16 bytes>
//   STRING <8><LENGTH:varint><BYTES>                    BINARY <9><LENGTH:varint><BYTES>

import { Parser } from 'binary-parser'
import { formatIp } from './ip-address.ts'
import type { Value } from './values.ts'
import { varintLayout, varintNumber, varintValue, writeVarint } from './varint.ts'
import type { Writer } from './writer.ts'

export const Type = {
  null: 0,
  boolean: 1,
  int32: 2,
  uint32: 3,
  int64: 4,
  uint64: 5,
  ipv4: 6,
  ipv6: 7,
  string: 8,
  binary: 9,
} as const

const FLAG_TRUE = 1

/** Where bytes stand in the payload that was parsed. They are not copied, and not even cut out until asked for. */
export interface Span {
  start: number
  length: number
}

export interface TypedData extends Span {
  flags: number
  type: number
  /** Present for the four integer types: the unsigned value on the wire. */
  integer: number | bigint
}

/**
 * <LENGTH:varint><BYTES>, as a Span. Seeking past the end is found by whoever parses: see `endsAt`.
 * @internal
 */
export const spanLayout = new Parser()
  .nest('length', { type: varintLayout, formatter: varintNumber })
  .saveOffset('start')
  .seek('length')

const fixedSpan = (bytes: number) => new Parser().saveOffset('start').seek(bytes)
const nothing = new Parser()
const integer = new Parser().nest('integer', { type: varintLayout, formatter: varintValue })

/** @internal */
export const typedDataLayout = new Parser()
  .bit4('flags')
  .bit4('type')
  .choice({
    tag: 'type',
    choices: {
      [Type.null]: nothing,
      [Type.boolean]: nothing,
      [Type.int32]: integer,
      [Type.uint32]: integer,
      [Type.int64]: integer,
      [Type.uint64]: integer,
      [Type.ipv4]: fixedSpan(4),
      [Type.ipv6]: fixedSpan(16),
      [Type.string]: spanLayout,
      [Type.binary]: spanLayout,
    },
  })

/** Bytes of a string or binary as a view of `payload`; undefined for other types. */
export function bytesOf(payload: Buffer, data: TypedData): Buffer | undefined {
  if (data.type !== Type.string && data.type !== Type.binary) return undefined
  return payload.subarray(data.start, data.start + data.length)
}

/** A number, or a bigint beyond ±(2^53 - 1); undefined for other types. */
export function integerOf(data: TypedData): number | bigint | undefined {
  if (data.type < Type.int32 || data.type > Type.uint64) return undefined
  const { integer } = data
  if (typeof integer === 'number' || data.type === Type.uint64) return integer
  const signed = BigInt.asIntN(64, integer)
  return signed >= Number.MIN_SAFE_INTEGER ? safeNumber(signed) : signed
}

function safeNumber(value: bigint): number | bigint {
  return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value
}

export function booleanOf(data: TypedData): boolean | undefined {
  return data.type === Type.boolean ? (data.flags & FLAG_TRUE) !== 0 : undefined
}

/** Textual address; undefined for other types. */
export function ipOf(payload: Buffer, data: TypedData): string | undefined {
  if (data.type !== Type.ipv4 && data.type !== Type.ipv6) return undefined
  const length = data.type === Type.ipv4 ? 4 : 16
  return formatIp(payload.subarray(data.start, data.start + length))
}

/** The natural JavaScript value of any type; undefined for null. */
export function naturalValueOf(payload: Buffer, data: TypedData): NaturalValue | undefined {
  if (data.type === Type.string) return bytesOf(payload, data)?.toString()
  return bytesOf(payload, data) ?? integerOf(data) ?? booleanOf(data) ?? ipOf(payload, data)
}

export type NaturalValue = string | Buffer | number | bigint | boolean

export function writeTypedData(writer: Writer, value: Value): void {
  if (value === null) {
    writer.uint8(Type.null)
  } else if (typeof value === 'string') {
    writer.uint8(Type.string)
    writer.string(value)
  } else if (typeof value === 'boolean') {
    writer.uint8(Type.boolean | (value ? FLAG_TRUE << 4 : 0))
  } else if (typeof value === 'number' || typeof value === 'bigint') {
    writer.uint8(Type.int64)
    writeVarint(writer, value)
  } else if (value instanceof Uint8Array) {
    writer.uint8(Type.binary)
    writeVarint(writer, value.length)
    writer.bytes(value)
  } else if ('bytes' in value) {
    writer.uint8(Type[value.type])
    writer.bytes(value.bytes)
  } else {
    writer.uint8(Type[value.type])
    writeVarint(writer, value.integer)
  }
}
