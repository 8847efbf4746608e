// KV-LIST, SPOE §3.2.
//
//   KV-LIST  : [ <KV-NAME> <KV-VALUE> ... ]
//   KV-NAME  : <STRING>
//   KV-VALUE : <TYPED-DATA>

import { Parser } from 'binary-parser'
import { decoding, SpopError, Status } from './errors.ts'
import { type Span, spanLayout, type TypedData, typedDataLayout } from './typed-data.ts'

export interface KvPair {
  name: Span
  value: TypedData
}

/** @internal */
export const kvPairLayout = new Parser()
  .nest('name', { type: spanLayout })
  .nest('value', { type: typedDataLayout })

const kvListLayout = new Parser().array('pairs', { type: kvPairLayout, readUntil: 'eof' }).saveOffset('end')

/** Reads a payload that is one KV-LIST. Throws SpopError (invalid frame). */
export function decodeKvList(field: string, payload: Buffer): Map<string, TypedData> {
  return decoding(field, payload, () => {
    const { pairs, end }: { pairs: KvPair[]; end: number } = kvListLayout.parse(payload)
    checkEnd(field, payload, end)
    return new Map(pairs.map(({ name, value }) => [textAt(payload, name), value]))
  })
}

export function textAt(payload: Buffer, { start, length }: Span): string {
  return payload.toString('utf8', start, start + length)
}

/**
 * Layouts skip strings, binaries and addresses by moving the offset. One that reaches past the end makes the next
 * read fail; if nothing is left to read, this does.
 */
export function checkEnd(field: string, payload: Buffer, end: number): void {
  if (end === payload.length) return
  const place = { field, offset: payload.length, need: end - payload.length, have: 0 }
  throw new SpopError(Status.invalidFrame, `malformed ${field}: a length reaches past its end`, place)
}
