// HAProxy's side of SPOP for tests: written from the specification, sharing nothing with the agent's code.

import { once } from 'node:events'
import { createConnection, type NetConnectOpts, type Socket } from 'node:net'
import { Parser } from 'binary-parser'

export const FIN = 1
export const ABORT = 2

/** Unsigned 64-bit varint: SPOE §3.1. */
export function varint(value: number | bigint): Buffer {
  let rest = BigInt.asUintN(64, BigInt(value))
  if (rest < 240n) return Buffer.from([Number(rest)])
  const bytes = [Number(rest & 0xffn) | 0xf0]
  rest = (rest - 240n) >> 4n
  while (rest >= 128n) {
    bytes.push(Number(rest & 0xffn) | 0x80)
    rest = (rest - 128n) >> 7n
  }
  bytes.push(Number(rest))
  return Buffer.from(bytes)
}

export function string(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([varint(bytes.length), bytes])
}

/** Typed data by the numbers of the table in SPOE §3.1. */
export const data = {
  null: () => Buffer.from([0x00]),
  boolean: (value: boolean) => Buffer.from([value ? 0x11 : 0x01]),
  int32: (value: number) => Buffer.concat([Buffer.from([2]), varint(value)]),
  uint32: (value: number) => Buffer.concat([Buffer.from([3]), varint(value)]),
  int64: (value: number | bigint) => Buffer.concat([Buffer.from([4]), varint(value)]),
  uint64: (value: number | bigint) => Buffer.concat([Buffer.from([5]), varint(value)]),
  ipv4: (bytes: number[]) => Buffer.from([6, ...bytes]),
  ipv6: (bytes: number[]) => Buffer.from([7, ...bytes]),
  string: (value: string | Buffer) => Buffer.concat([Buffer.from([8]), string(value)]),
  binary: (value: Buffer) => Buffer.concat([Buffer.from([9]), string(value)]),
}

export type KvList = Record<string, Buffer>

export function kvList(items: KvList): Buffer {
  return Buffer.concat(Object.entries(items).flatMap(([name, value]) => [string(name), value]))
}

export interface FrameFields {
  type: number
  flags?: number
  streamId?: number
  frameId?: number
  payload?: Buffer
}

/** A frame with its length in front. */
export function frame({
  type,
  flags = FIN,
  streamId = 0,
  frameId = 0,
  payload = Buffer.alloc(0),
}: FrameFields): Buffer {
  const head = Buffer.from([type, flags >>> 24, (flags >>> 16) & 255, (flags >>> 8) & 255, flags & 255])
  return lengthPrefixed(Buffer.concat([head, varint(streamId), varint(frameId), payload]))
}

export function lengthPrefixed(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

export const HELLO_ITEMS: KvList = {
  'supported-versions': data.string('2.0'),
  'max-frame-size': data.uint32(16380),
  capabilities: data.string('pipelining,async'),
}

export const hello = (items: KvList = HELLO_ITEMS) => frame({ type: 1, payload: kvList(items) })

export const disconnect = (statusCode = 0, message = 'normal') =>
  frame({
    type: 2,
    payload: kvList({ 'status-code': data.uint32(statusCode), message: data.string(message) }),
  })

export const message = (name: string, args: KvList = {}) =>
  Buffer.concat([string(name), Buffer.from([Object.keys(args).length]), kvList(args)])

export const notify = (streamId: number, frameId: number, ...messages: Buffer[]) =>
  frame({ type: 3, streamId, frameId, payload: Buffer.concat(messages) })

// ---- What the agent sends

interface Varint {
  first: number
  more?: number[]
}

const varintLayout = new Parser().uint8('first').choice({
  tag(this: Varint) {
    return this.first < 240 ? 0 : 1
  },
  choices: {
    0: new Parser(),
    1: new Parser().array('more', { type: 'uint8', readUntil: (byte: number) => byte < 128 }),
  },
})

const integer = ({ first, more = [] }: Varint) =>
  more.reduce((sum, byte, index) => sum + (BigInt(byte) << BigInt(4 + 7 * index)), BigInt(first))

const length = ({ first, more }: Varint) => Number(integer(more ? { first, more } : { first }))
const bytesLayout = new Parser()
  .nest('length', { type: varintLayout, formatter: length })
  .buffer('bytes', { length: 'length' })
const text = ({ bytes }: { bytes: Buffer }) => bytes.toString()
const number = new Parser().nest('integer', { type: varintLayout, formatter: integer })
const address = (length: number) => new Parser().buffer('bytes', { length })

const dataLayout = new Parser()
  .bit4('flags')
  .bit4('type')
  .choice({
    tag: 'type',
    choices: {
      0: new Parser(),
      1: new Parser(),
      2: number,
      3: number,
      4: number,
      5: number,
      6: address(4),
      7: address(16),
      8: bytesLayout,
      9: bytesLayout,
    },
  })

interface Data {
  flags: number
  type: number
  integer?: bigint
  bytes?: Buffer
}

/** [number in the table of SPOE §3.1, value] */
export type Typed = [number, (bigint | boolean | string | null | undefined)?]

/** Integers as the unsigned value on the wire, strings as text, binaries and addresses in hexadecimal. */
function typed({ type, flags, integer, bytes }: Data): Typed {
  if (type === 0) return [0, null]
  if (type === 1) return [1, flags === 1]
  if (type <= 5) return [type, integer]
  return [type, type === 8 ? bytes?.toString() : bytes?.toString('hex')]
}

const kvListLayout = new Parser().array('items', {
  type: new Parser()
    .nest('name', { type: bytesLayout, formatter: text })
    .nest('value', { type: dataLayout, formatter: typed }),
  readUntil: 'eof',
})

const actionsLayout = new Parser().array('actions', {
  type: new Parser()
    .uint8('action')
    .uint8('argCount')
    .uint8('scope')
    .nest('name', { type: bytesLayout, formatter: text })
    .choice({
      tag: 'action',
      choices: { 1: new Parser().nest('value', { type: dataLayout, formatter: typed }), 2: new Parser() },
    }),
  readUntil: 'eof',
})

const frameLayout = new Parser()
  .uint8('type')
  .uint32be('flags')
  .nest('streamId', { type: varintLayout, formatter: length })
  .nest('frameId', { type: varintLayout, formatter: length })
  .buffer('payload', { readUntil: 'eof' })

export interface AgentFrame {
  type: number
  flags: number
  streamId: number
  frameId: number
  payload: Buffer
  /** Of HELLO and DISCONNECT. */
  items: Record<string, Typed>
  /** Of ACK: [action, number of arguments, scope, name, value]. */
  actions: [number, number, number, string, Typed?][]
}

/** Reads a frame without its length. */
export function decodeAgentFrame(bytes: Buffer): AgentFrame {
  const parsed = frameLayout.parse(bytes)
  const items: AgentFrame['items'] = {}
  const actions: AgentFrame['actions'] = []
  if (parsed.type === 103) {
    for (const { action, argCount, scope, name, value } of actionsLayout.parse(parsed.payload).actions) {
      actions.push(value ? [action, argCount, scope, name, value] : [action, argCount, scope, name])
    }
  } else {
    for (const { name, value } of kvListLayout.parse(parsed.payload).items) items[name] = value
  }
  return { ...parsed, items, actions }
}

/** A scripted HAProxy: sends bytes, waits for frames. */
export class SpopPeer {
  readonly socket: Socket
  /** What arrived in one read each. */
  readonly chunks: Buffer[] = []
  #bytes = Buffer.alloc(0)
  #ended = false
  #wake: () => void = () => {}

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk)
      this.#bytes = Buffer.concat([this.#bytes, chunk])
      this.#wake()
    })
    socket.on('error', () => {})
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        this.#ended = true
        this.#wake()
      })
    }
  }

  static async connect(address: NetConnectOpts): Promise<SpopPeer> {
    const socket = createConnection(address)
    await once(socket, 'connect')
    return new SpopPeer(socket)
  }

  /** Connects and shakes hands. */
  static async open(address: NetConnectOpts, items: KvList = HELLO_ITEMS): Promise<SpopPeer> {
    const peer = await SpopPeer.connect(address)
    peer.send(hello(items))
    const reply = await peer.receive()
    if (reply?.type !== 101) throw new Error(`no AGENT-HELLO but ${JSON.stringify(reply?.items)}`)
    return peer
  }

  send(...bytes: Buffer[]): void {
    this.socket.write(Buffer.concat(bytes))
  }

  /** The next frame; undefined when the agent has closed. */
  async receive(): Promise<AgentFrame | undefined> {
    for (;;) {
      const bytes = this.#cut()
      if (bytes !== undefined) return decodeAgentFrame(bytes)
      if (this.#ended) return undefined
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }

  /** All frames until the agent closes. */
  async receiveAll(): Promise<AgentFrame[]> {
    const frames: AgentFrame[] = []
    for (;;) {
      const next = await this.receive()
      if (next === undefined) return frames
      frames.push(next)
    }
  }

  /** Expects an AGENT-DISCONNECT followed by the end of the connection; its status code. */
  async disconnected(): Promise<number> {
    const frames = await this.receiveAll()
    const last = frames.at(-1)
    if (last?.type !== 102) throw new Error(`no AGENT-DISCONNECT but ${JSON.stringify(frames)}`)
    return Number(last.items['status-code']?.[1])
  }

  close(): void {
    this.socket.destroy()
  }

  #cut(): Buffer | undefined {
    if (this.#bytes.length < 4) return undefined
    const end = 4 + this.#bytes.readUInt32BE()
    if (this.#bytes.length < end) return undefined
    const bytes = this.#bytes.subarray(4, end)
    this.#bytes = this.#bytes.subarray(end)
    return bytes
  }
}
