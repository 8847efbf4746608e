import { DicomError } from './errors.ts'

/**
 * A view of bytes [position, end) that is read from front to back. Every read names its field and is checked
 * against the end of the view, so what is read through a nested view cannot see past its parent.
 * Integers are big endian, as everywhere in PS3.8.
 */
export class Reader {
  readonly #bytes: Buffer
  readonly #end: number
  #position: number

  constructor(bytes: Buffer, position = 0, end = bytes.length) {
    this.#bytes = bytes
    this.#position = position
    this.#end = end
  }

  get offset(): number {
    return this.#position
  }

  get remaining(): number {
    return this.#end - this.#position
  }

  uint8(field: string): number {
    return this.#bytes.readUInt8(this.#take(1, field))
  }

  uint16(field: string): number {
    return this.#bytes.readUInt16BE(this.#take(2, field))
  }

  uint32(field: string): number {
    return this.#bytes.readUInt32BE(this.#take(4, field))
  }

  /** `length` bytes, not copied. */
  bytes(length: number, field: string): Buffer {
    const start = this.#take(length, field)
    return this.#bytes.subarray(start, start + length)
  }

  text(length: number, field: string): string {
    const start = this.#take(length, field)
    return this.#bytes.toString('latin1', start, start + length)
  }

  skip(length: number, field: string): void {
    this.#take(length, field)
  }

  /** The next `length` bytes as a view of their own. */
  view(length: number, field: string): Reader {
    const start = this.#take(length, field)
    return new Reader(this.#bytes, start, start + length)
  }

  rest(): Buffer {
    return this.bytes(this.remaining, 'rest')
  }

  expectEnd(field: string): void {
    if (this.remaining > 0) {
      throw new DicomError('trailing-bytes', `${this.remaining} bytes more than its fixed length`, {
        field,
        offset: this.#position,
        have: this.remaining,
      })
    }
  }

  #take(length: number, field: string): number {
    const start = this.#position
    if (length > this.remaining) {
      throw new DicomError('truncated', `needs ${length} bytes, ${this.remaining} are left`, {
        field,
        offset: start,
        need: length,
        have: this.remaining,
      })
    }
    this.#position = start + length
    return start
  }
}
