import { SpopError, Status } from './errors.ts'
import { LENGTH_BYTES, SHORTEST_FRAME } from './frame.ts'

/**
 * Cuts the bytes of a connection into frames and does nothing else. A frame that lies in one chunk is a view of
 * it; one that spans chunks gets a buffer of its own. Neither is ever written to again, so frames may be kept.
 */
export class Framer {
  /** The largest frame taken, in bytes without the length; a declared length is checked before it is buffered. */
  maxFrameSize: number
  #chunk: Buffer = Buffer.alloc(0)
  #offset = 0
  #lengthBytes = Buffer.alloc(LENGTH_BYTES)
  #lengthHave = 0
  #partial: Buffer | undefined
  #partialHave = 0

  constructor(maxFrameSize: number) {
    this.maxFrameSize = maxFrameSize
  }

  /** Adds what came from the socket. */
  push(chunk: Buffer): void {
    this.#chunk = this.#unread === 0 ? chunk : Buffer.concat([this.#chunk.subarray(this.#offset), chunk])
    this.#offset = 0
  }

  /** The next frame without its length, or undefined if more bytes are needed. Throws SpopError for a bad length. */
  next(): Buffer | undefined {
    if (this.#partial !== undefined) return this.#continue(this.#partial)
    const length = this.#readLength()
    if (length === undefined) return undefined
    if (this.#unread >= length) return this.#take(length)
    this.#partial = Buffer.allocUnsafeSlow(length)
    this.#partialHave = 0
    return this.#continue(this.#partial)
  }

  get #unread(): number {
    return this.#chunk.length - this.#offset
  }

  #readLength(): number | undefined {
    const bytes = this.#take(Math.min(LENGTH_BYTES - this.#lengthHave, this.#unread))
    this.#lengthBytes.set(bytes, this.#lengthHave)
    this.#lengthHave += bytes.length
    if (this.#lengthHave < LENGTH_BYTES) return undefined
    this.#lengthHave = 0
    return this.#checkLength(this.#lengthBytes.readUInt32BE())
  }

  #checkLength(length: number): number {
    const place = { field: 'frame length', need: length, have: this.maxFrameSize }
    if (length > this.maxFrameSize) {
      const message = `frame of ${length} bytes, at most ${this.maxFrameSize} were negotiated`
      throw new SpopError(Status.frameTooBig, message, place)
    }
    if (length < SHORTEST_FRAME) {
      throw new SpopError(Status.invalidFrame, `frame of ${length} bytes is too short for its header`, place)
    }
    return length
  }

  #continue(frame: Buffer): Buffer | undefined {
    const bytes = this.#take(Math.min(frame.length - this.#partialHave, this.#unread))
    frame.set(bytes, this.#partialHave)
    this.#partialHave += bytes.length
    if (this.#partialHave < frame.length) return undefined
    this.#partial = undefined
    return frame
  }

  #take(length: number): Buffer {
    const start = this.#offset
    this.#offset += length
    return this.#chunk.subarray(start, this.#offset)
  }
}
