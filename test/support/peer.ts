import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { pduHeaderLength } from '../../agent/dicom/index.ts'

export interface Pdu {
  type: number
  /** the whole PDU, header included */
  bytes: Buffer
}

/** One end of a DICOM connection that does only what a test tells it: send these bytes, receive one PDU, wait for the end. */
export class Peer {
  readonly socket: Socket
  #received = Buffer.alloc(0)
  #ended = false
  #notify = () => {}

  constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay()
    socket.on('data', chunk => {
      this.#received = Buffer.concat([this.#received, chunk])
      this.#notify()
    })
    // a reset is an end like another: what was received before it counts
    for (const event of ['end', 'error', 'close'] as const) {
      socket.on(event, () => {
        this.#ended = true
        this.#notify()
      })
    }
  }

  /** Comes from 127.0.0.1, or another address of this machine. */
  static async connect(port: number, localAddress?: string): Promise<Peer> {
    // one that is bound to its address finds fewer ports that are free
    const socket = connect({ port, host: '127.0.0.1', ...(localAddress && { localAddress }) })
    await once(socket, 'connect')
    return new Peer(socket)
  }

  send(...bytes: Buffer[]): void {
    this.socket.write(Buffer.concat(bytes))
  }

  /** Sends one byte per write, each after the previous one was handed to the system. */
  async sendByteByByte(bytes: Buffer): Promise<void> {
    for (const byte of bytes) {
      await new Promise<void>(resolve => this.socket.write(Buffer.of(byte), () => setImmediate(resolve)))
    }
  }

  /** The next whole PDU, or undefined when the connection ends first. */
  async receive(): Promise<Pdu | undefined> {
    for (;;) {
      const have = this.#received
      const length = have.length < pduHeaderLength ? Infinity : pduHeaderLength + have.readUInt32BE(2)
      if (have.length >= length) {
        this.#received = have.subarray(length)
        return { type: have[0] ?? 0, bytes: have.subarray(0, length) }
      }
      if (this.#ended) return undefined
      await new Promise<void>(resolve => {
        this.#notify = resolve
      })
    }
  }

  /** Bytes that have arrived and were not received yet. */
  get buffered(): number {
    return this.#received.length
  }

  /** All PDUs until the connection ends. */
  async rest(): Promise<Pdu[]> {
    const pdus: Pdu[] = []
    for (let pdu = await this.receive(); pdu; pdu = await this.receive()) pdus.push(pdu)
    return pdus
  }

  close(): void {
    this.socket.destroy()
  }
}

/** Breaks a connection, by a reset. Node.js 24 never ends where one is reset that is being closed. */
export function breakOff(socket: Socket): void {
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}
