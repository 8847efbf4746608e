import { parseIpv4, parseIpv6 } from './ip-address.ts'

/** An integer of one of the wire types that a plain number or bigint (int64) does not choose. */
export interface TypedInteger {
  readonly type: 'int32' | 'uint32' | 'int64' | 'uint64'
  readonly integer: number | bigint
}

export interface TypedAddress {
  readonly type: 'ipv4' | 'ipv6'
  readonly bytes: Uint8Array
}

/** What a variable can be set to. HAProxy keeps all four integer types as one signed 64-bit integer. */
export type Value = string | Uint8Array | boolean | null | number | bigint | TypedInteger | TypedAddress

const INT64 = [-(2n ** 63n), 2n ** 63n - 1n] as const

export const int32 = (value: number): TypedInteger => typedInteger('int32', value, -(2 ** 31), 2 ** 31 - 1)

export const uint32 = (value: number): TypedInteger => typedInteger('uint32', value, 0, 2 ** 32 - 1)

export const int64 = (value: number | bigint): TypedInteger => typedInteger('int64', value, ...INT64)

/** From 2^63 on HAProxy will show the value as negative. */
export const uint64 = (value: number | bigint): TypedInteger =>
  typedInteger('uint64', value, 0, 2n ** 64n - 1n)

export const ipv4 = (text: string): TypedAddress => ({ type: 'ipv4', bytes: parseIpv4(text) })

export const ipv6 = (text: string): TypedAddress => ({ type: 'ipv6', bytes: parseIpv6(text) })

/** Throws for what has no wire form: RangeError for a number that is no int64, TypeError for another type. */
export function checkValue(value: Value): void {
  switch (typeof value) {
    case 'number':
    case 'bigint':
      checkInteger('int64', value, ...INT64)
      return
    case 'string':
    case 'boolean':
      return
    case 'object':
      if (value === null || value instanceof Uint8Array || 'integer' in value || 'bytes' in value) return
  }
  throw new TypeError(
    `a variable cannot hold a value of type ${typeof value}: use string, Buffer, boolean, null, integer`,
  )
}

function typedInteger(
  type: TypedInteger['type'],
  value: number | bigint,
  min: number | bigint,
  max: number | bigint,
): TypedInteger {
  checkInteger(type, value, min, max)
  return { type, integer: value }
}

function checkInteger(
  type: string,
  value: number | bigint,
  min: number | bigint,
  max: number | bigint,
): void {
  const exact = typeof value === 'bigint' || Number.isSafeInteger(value)
  if (!exact || value < min || value > max) {
    throw new RangeError(`${value} is no ${type}: round it, or use a bigint beyond 2^53`)
  }
}
