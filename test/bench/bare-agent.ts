// The yardstick for haproxy-spoe: an agent in one file, with a hand-written cursor, that does no more than what is asked
// of it here. It checks nothing: no length, no limit, no state, no error of a handler, no reader that is too slow.
//   node test/bench/bare-agent.ts         writes each ACK by itself, as one does
//   node test/bench/bare-agent.ts batch   writes what one read has brought at once: what can be had at most
import { type AddressInfo, createServer, type Socket } from 'node:net'

const batches = process.argv[2] === 'batch'

/** Flags: FIN; stream-id and frame-id: 0. */
const noStream = Buffer.from([0, 0, 0, 1, 0, 0])

class Cursor {
  readonly #bytes: Buffer
  at: number

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.at = at
  }

  byte(): number {
    return this.#bytes[this.at++] as number
  }

  varint(): number {
    let value = this.byte()
    if (value < 240) return value
    let weight = 16
    for (;;) {
      const byte = this.byte()
      value += byte * weight
      if (byte < 128) return value
      weight *= 128
    }
  }

  take(length: number): Buffer {
    this.at += length
    return this.#bytes.subarray(this.at - length, this.at)
  }

  string(): string {
    return this.take(this.varint()).toString('latin1')
  }

  value(): unknown {
    const byte = this.byte()
    switch (byte & 15) {
      case 1:
        return byte > 15
      case 2:
      case 3:
      case 4:
      case 5:
        return this.varint()
      case 6:
        return this.take(4).join('.')
      case 7:
        return this.take(16)
      case 8:
        return this.string()
      case 9:
        return this.take(this.varint())
      default:
        return undefined
    }
  }

  pairs(count: number): Record<string, unknown> {
    const pairs: Record<string, unknown> = {}
    while (count-- > 0) {
      const name = this.string()
      pairs[name] = this.value()
    }
    return pairs
  }
}

function varint(value: number): number[] {
  if (value < 240) return [value]
  const bytes = [(value & 15) | 240]
  for (value = (value - 240) >> 4; value >= 128; value = (value - 128) >> 7) bytes.push((value & 127) | 128)
  return [...bytes, value]
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.from(varint(bytes.length)), bytes])
}

function frame(type: number, ...parts: Buffer[]): Buffer {
  const whole = Buffer.concat([Buffer.from([0, 0, 0, 0, type]), ...parts])
  whole.writeUInt32BE(whole.length - 4)
  return whole
}

const setVar = (name: string, ...value: Buffer[]) =>
  Buffer.concat([Buffer.from([1, 3, 2]), string(name), ...value])

const typed = (type: number) => Buffer.from([type])

function answer(bytes: Buffer, at: number, end: number): Buffer {
  const cursor = new Cursor(bytes, at)
  const type = cursor.byte()
  cursor.at += 4
  const ids = [...varint(cursor.varint()), ...varint(cursor.varint())]
  if (type === 1) {
    const hello: Record<string, unknown> = {}
    while (cursor.at < end) Object.assign(hello, cursor.pairs(1))
    const size = Buffer.from(varint(Number(hello['max-frame-size'])))
    const version = [string('version'), typed(8), string('2.0')]
    const capabilities = [string('capabilities'), typed(8), string('pipelining')]
    return frame(101, noStream, ...version, string('max-frame-size'), typed(3), size, ...capabilities)
  }
  const actions: Buffer[] = [Buffer.from([0, 0, 0, 1, ...ids])]
  while (cursor.at < end) {
    cursor.string()
    const args = cursor.pairs(cursor.byte())
    const body = args.body as Buffer
    actions.push(setVar('client', typed(8), string(`${args.src} ${args.path}`)))
    actions.push(setVar('size', typed(4), Buffer.from(varint(body.length))))
  }
  return frame(103, ...actions)
}

function serve(socket: Socket): void {
  let kept: Buffer = Buffer.alloc(0)
  socket.on('data', chunk => {
    const bytes = kept.length > 0 ? Buffer.concat([kept, chunk as Buffer]) : (chunk as Buffer)
    let at = 0
    if (batches) socket.cork()
    while (bytes.length - at >= 4) {
      const end = at + 4 + bytes.readUInt32BE(at)
      if (end > bytes.length) break
      // DISCONNECT
      if (bytes[at + 4] === 2) socket.end()
      else socket.write(answer(bytes, at + 4, end))
      at = end
    }
    if (batches) socket.uncork()
    kept = bytes.subarray(at)
  })
  socket.on('error', () => socket.destroy())
}

const server = createServer({ noDelay: true }, serve).listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }))
})
