// HAPROXY-DISCONNECT, SPOE §3.2.8, and AGENT-DISCONNECT, §3.2.9: a KV-LIST of
//
//   "status-code" <UINT32>
//   "message"     <STRING>

import { SpopError, Status } from './errors.ts'
import { FrameType, NO_STREAM, writeFrame } from './frame.ts'
import { decodeKvList } from './kv-list.ts'
import { bytesOf, integerOf, writeTypedData } from './typed-data.ts'
import { uint32 } from './values.ts'
import type { Writer } from './writer.ts'

/** Keeps the frame under the 256 bytes that every peer takes, even before the sizes are negotiated. */
const MAX_MESSAGE_LENGTH = 160

export interface Disconnect {
  statusCode: number
  message: string
}

/** Throws SpopError (invalid frame). */
export function decodeHaproxyDisconnect(payload: Buffer): Disconnect {
  const items = decodeKvList('HAPROXY-DISCONNECT', payload)
  const status = items.get('status-code')
  const text = items.get('message')
  const statusCode = status && integerOf(status)
  const message = text && bytesOf(payload, text)
  if (typeof statusCode === 'number' && message !== undefined)
    return { statusCode, message: message.toString() }
  const field = message === undefined ? 'message' : 'status-code'
  throw new SpopError(Status.invalidFrame, `HAPROXY-DISCONNECT has no usable ${field}`, { field })
}

export function writeAgentDisconnect(writer: Writer, { statusCode, message }: Disconnect): void {
  writeFrame(writer, FrameType.agentDisconnect, NO_STREAM, () => {
    writer.string('status-code')
    writeTypedData(writer, uint32(statusCode))
    writer.string('message')
    writeTypedData(writer, printable(message))
  })
}

/** The message may quote HAProxy's bytes, and ends up in its log. */
function printable(message: string): string {
  return message.slice(0, MAX_MESSAGE_LENGTH).replace(/[^ -~]/g, '?')
}
