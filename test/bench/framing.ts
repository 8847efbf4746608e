import { PduType } from '../../agent/dicom/index.ts'

export interface Handler {
  /** a whole PDU that is no P-DATA-TF: its type, and what follows the header */
  pdu(type: number, body: Buffer): void
  /** a whole command set */
  command(contextId: number, commandSet: Buffer): void
  /** the last fragment of a dataset has passed */
  dataset(contextId: number): void
}

/** Of a PDU (PS3.8 §9.3.1), and of a PDV with its message control header (§9.3.5 and Annex E). */
const headerLength = 6
const pdvOverhead = 2
const commandBit = 1
const lastBit = 2

/**
 * Follows the PDUs and PDVs of one direction of a connection, at the price of a few headers: fragments of datasets are
 * stepped over where they lie, so that the load and the sink cost as little as they can of the machine they measure.
 */
export class Framing {
  readonly #handler: Handler
  readonly #header = Buffer.alloc(headerLength)
  #headerHas = 0
  #type = 0
  #contextId = 0
  #control = 0
  /** bytes to come of the P-DATA-TF behind the current PDV */
  #pduLeft = 0
  /** bytes to come of the current PDV or other PDU */
  #left = 0
  #kept: Buffer[] = []

  constructor(handler: Handler) {
    this.#handler = handler
  }

  /** Takes the next bytes, which are not referred to afterwards. */
  follow(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length) {
      if (this.#left > 0) {
        const end = Math.min(at + this.#left, bytes.length)
        if (this.#keeps()) this.#kept.push(Buffer.from(bytes.subarray(at, end)))
        this.#left -= end - at
        at = end
        if (this.#left === 0) this.#end()
      } else {
        const end = at + headerLength - this.#headerHas
        this.#headerHas += bytes.copy(this.#header, this.#headerHas, at, end)
        at = Math.min(end, bytes.length)
        if (this.#headerHas === headerLength) this.#begin()
      }
    }
  }

  #keeps(): boolean {
    return this.#type !== PduType.pData || (this.#control & commandBit) !== 0
  }

  #begin(): void {
    this.#headerHas = 0
    if (this.#pduLeft === 0) {
      this.#type = this.#header.readUInt8(0)
      const length = this.#header.readUInt32BE(2)
      if (this.#type === PduType.pData) {
        this.#pduLeft = length
        return
      }
      this.#left = length
    } else {
      const length = this.#header.readUInt32BE(0)
      this.#contextId = this.#header.readUInt8(4)
      this.#control = this.#header.readUInt8(5)
      this.#left = length - pdvOverhead
      this.#pduLeft -= 4 + length
      if (this.#left < 0 || this.#pduLeft < 0)
        throw new Error(`a PDV of ${length} bytes does not fit its PDU`)
    }
    if (this.#left === 0) this.#end()
  }

  #end(): void {
    if (this.#type !== PduType.pData) this.#handler.pdu(this.#type, this.#take())
    else if ((this.#control & lastBit) === 0) return
    else if ((this.#control & commandBit) !== 0) this.#handler.command(this.#contextId, this.#take())
    else this.#handler.dataset(this.#contextId)
  }

  #take(): Buffer {
    const whole = Buffer.concat(this.#kept)
    this.#kept = []
    return whole
  }
}
