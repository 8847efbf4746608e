// ACK, SPOE §3.2.7: a LIST-OF-ACTIONS, with the STREAM-ID and FRAME-ID of the NOTIFY it answers.

import { type Action, writeAction } from './actions.ts'
import { SpoeError } from './errors.ts'
import { FrameType, writeFrame } from './frame.ts'
import type { Writer } from './writer.ts'

/** The actions of one message of the NOTIFY; undefined for none. */
export type Answer = readonly Action[] | undefined

/**
 * Writes one ACK with the actions of all answers, in their order. An answer with an action that has no wire form is
 * left out and given to `onError` with its index. An ACK beyond `maxFrameSize` bytes would make HAProxy fail every
 * stream of the connection: then the ACK has no actions, and `onError` is told.
 */
export function writeAck(
  writer: Writer,
  ids: { streamId: number; frameId: number },
  answers: readonly Answer[],
  maxFrameSize: number,
  onError: (error: SpoeError, index?: number) => void,
): void {
  const start = writer.length
  const size = writeFrame(writer, FrameType.ack, ids, () => {
    for (const [index, answer] of answers.entries()) {
      if (answer) writeAnswer(writer, answer, error => onError(error, index))
    }
  })
  if (size <= maxFrameSize) return
  writer.truncate(start)
  writeFrame(writer, FrameType.ack, ids, () => {})
  const message = `ACK of ${size} bytes exceeds the negotiated ${maxFrameSize}: set less, or raise HAProxy's tune.bufsize`
  onError(new SpoeError('SPOE_ACK_TOO_BIG', message))
}

function writeAnswer(writer: Writer, answer: readonly Action[], onError: (error: SpoeError) => void): void {
  const start = writer.length
  try {
    for (const action of answer) writeAction(writer, action)
  } catch (error) {
    writer.truncate(start)
    const message = `the handler returned something that is no list of actions: ${error}`
    onError(new SpoeError('SPOE_INVALID_ACTIONS', message, { cause: error }))
  }
}
