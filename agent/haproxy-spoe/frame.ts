// Frame, SPOE §3.2.
//
//   FRAME    : <FRAME-TYPE:1 byte> <METADATA> <FRAME-PAYLOAD>
//   METADATA : <FLAGS:4 bytes> <STREAM-ID:varint> <FRAME-ID:varint>
//
// On the wire each frame follows <FRAME-LENGTH:4 bytes>, which does not count itself.

import { Parser } from 'binary-parser'
import { decoding } from './errors.ts'
import { varintLayout, varintNumber, writeVarint } from './varint.ts'
import type { Writer } from './writer.ts'

/** Frame types, SPOE §3.2.2. */
export const FrameType = {
  unset: 0,
  haproxyHello: 1,
  haproxyDisconnect: 2,
  notify: 3,
  agentHello: 101,
  agentDisconnect: 102,
  ack: 103,
} as const

/** As SPOE §3.2.2 names them; a frame of type unset only goes on with another. */
export type FrameName =
  | 'HAPROXY-HELLO'
  | 'HAPROXY-DISCONNECT'
  | 'NOTIFY'
  | 'AGENT-HELLO'
  | 'AGENT-DISCONNECT'
  | 'ACK'

export const Flag = { fin: 1, abort: 2 } as const

export const LENGTH_BYTES = 4

/** Both peers must be able to take frames of this size, SPOE §3.2. */
export const MIN_MAX_FRAME_SIZE = 256

/** Type, flags and two varints of one byte. */
export const SHORTEST_FRAME = 7

export interface Frame {
  type: number
  /** Bits of `Flag`. */
  flags: number
  /** Both ids: up to 2^53 - 1; HAProxy counts them in 32 bits. */
  streamId: number
  frameId: number
  payload: Buffer
}

const frameLayout = new Parser()
  .uint8('type')
  .uint32be('flags')
  .nest('streamId', { type: varintLayout, formatter: varintNumber })
  .nest('frameId', { type: varintLayout, formatter: varintNumber })
  .buffer('payload', { readUntil: 'eof' })

/** Reads a frame without its length. Throws SpopError (invalid frame). */
export function decodeFrame(bytes: Buffer): Frame {
  return decoding('frame header', bytes, () => frameLayout.parse(bytes))
}

/** Writes a whole, unfragmented frame around what `writePayload` writes; its size without the length. */
export function writeFrame(
  writer: Writer,
  type: number,
  ids: { streamId: number; frameId: number },
  writePayload: () => void,
): number {
  const start = writer.length
  writer.uint32(0)
  writer.uint8(type)
  writer.uint32(Flag.fin)
  writeVarint(writer, ids.streamId)
  writeVarint(writer, ids.frameId)
  writePayload()
  const size = writer.length - start - LENGTH_BYTES
  writer.setUint32(size, start)
  return size
}

/** HELLO and DISCONNECT belong to no stream: STREAM-ID and FRAME-ID are 0, SPOE §3.2.4, §3.2.8. */
export const NO_STREAM = { streamId: 0, frameId: 0 } as const
