import { writeVarint } from './varint.ts'

const INITIAL_BYTES = 1024
/** A buffer that one large answer made grow beyond this is given back. */
const KEPT_BYTES = 65536
/** A character takes three bytes at most: the length of so many fits into one. */
const SHORT_STRING = 79

/** Bytes appended one field after the other; what was written since a mark can be taken back. */
export class Writer {
  #buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES)
  #length = 0

  get length(): number {
    return this.#length
  }

  uint8(value: number): void {
    this.#reserve(1)
    this.#buffer[this.#length++] = value
  }

  uint32(value: number): void {
    this.#reserve(4)
    this.#length = this.#buffer.writeUInt32BE(value, this.#length)
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length)
    this.#buffer.set(value, this.#length)
    this.#length += value.length
  }

  /** STRING of SPOE §3.1, UTF-8: <LENGTH:varint><BYTES> */
  string(value: string): void {
    if (value.length <= SHORT_STRING) {
      this.#reserve(1 + 3 * value.length)
      const length = this.#buffer.write(value, this.#length + 1)
      this.#buffer[this.#length] = length
      this.#length += 1 + length
      return
    }
    const length = Buffer.byteLength(value)
    writeVarint(this, length)
    this.#reserve(length)
    this.#length += this.#buffer.write(value, this.#length)
  }

  /** Overwrites four bytes that were written before. */
  setUint32(value: number, offset: number): void {
    this.#buffer.writeUInt32BE(value, offset)
  }

  truncate(length: number): void {
    this.#length = length
  }

  /** A copy of what was written since the last take. */
  take(): Buffer {
    const taken = Buffer.from(this.#buffer.subarray(0, this.#length))
    this.#length = 0
    if (this.#buffer.length > KEPT_BYTES) this.#buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES)
    return taken
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#buffer.length))
    this.#buffer.copy(larger, 0, 0, this.#length)
    this.#buffer = larger
  }
}
