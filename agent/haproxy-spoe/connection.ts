import type { Socket } from 'node:net'
import { writeAck } from './ack.ts'
import { negotiate, writeAgentHello } from './agent-hello.ts'
import { decodeHaproxyDisconnect, writeAgentDisconnect } from './disconnect.ts'
import { Dispatch, type DispatchOptions } from './dispatch.ts'
import { SpopError, Status } from './errors.ts'
import { decodeFrame, Flag, type Frame, type FrameName, FrameType } from './frame.ts'
import { Framer } from './framer.ts'
import { decodeHaproxyHello } from './haproxy-hello.ts'
import type { Limits } from './limits.ts'
import { decodeNotify } from './notify.ts'
import { Writer } from './writer.ts'

/** Answers waiting to be written, in bytes, at which no further NOTIFY is taken up. */
const OUTPUT_HIGH_WATER = 65536

/** How long HAProxy may take to close after our DISCONNECT. */
const LINGER_MS = 1000

/** Closes of HAProxy that are none of our business: it stops, or the connection idled for too long. */
const ORDINARY_STATUS = new Set<number>([Status.normal, Status.timeout])

/** Socket errors that are just another way to close. */
const ORDINARY_CLOSE = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED'])

type State = 'hello' | 'open' | 'closing'
type Step = Extract<FrameName, 'HAPROXY-HELLO' | 'HAPROXY-DISCONNECT' | 'NOTIFY'>

/** Which frame may come when, SPOE §3.2.3. What is not here is an invalid frame. */
const GATE: Record<State, Partial<Record<number, Step>>> = {
  hello: { [FrameType.haproxyHello]: 'HAPROXY-HELLO', [FrameType.haproxyDisconnect]: 'HAPROXY-DISCONNECT' },
  open: { [FrameType.notify]: 'NOTIFY', [FrameType.haproxyDisconnect]: 'HAPROXY-DISCONNECT' },
  closing: {},
}

const KNOWN_TYPES = new Set<number>(Object.values(FrameType))

export interface ConnectionOptions extends DispatchOptions {
  onFrame: FrameListener
}

/** Called for every frame that is taken up or sent, while it is: it must be quick. */
export type FrameListener = (name: FrameName) => void

/** One connection from HAProxy: its state, flow control, and what goes out in which order. */
export class Connection {
  /** Resolves when the socket is closed. */
  readonly closed: Promise<void>
  readonly #socket: Socket
  readonly #limits: Limits
  readonly #options: ConnectionOptions
  readonly #framer: Framer
  readonly #output = new Writer()
  readonly #inFlight = new Set<Dispatch>()
  readonly #helloTimer: NodeJS.Timeout
  #lingerTimer: NodeJS.Timeout | undefined
  #state: State = 'hello'
  #draining = false
  #flushScheduled = false
  #maxFrameSize: number

  constructor(socket: Socket, limits: Limits, options: ConnectionOptions) {
    const peer = socket.remoteAddress && `${socket.remoteAddress}:${socket.remotePort}`
    const onError: ConnectionOptions['onError'] = (error, context) => {
      options.onError(error, peer ? { ...context, peer } : context)
    }
    this.#socket = socket
    this.#limits = limits
    this.#options = { ...options, onError }
    this.#maxFrameSize = limits.maxFrameSize
    this.#framer = new Framer(limits.maxFrameSize)
    this.closed = new Promise(resolve => {
      socket.on('close', () => {
        this.#abandon()
        clearTimeout(this.#lingerTimer)
        resolve()
      })
    })
    this.#helloTimer = setTimeout(() => this.#helloTimedOut(), limits.helloTimeoutMs)
    socket.on('data', chunk => this.#receive(chunk as Buffer))
    socket.on('drain', () => this.#pump())
    socket.on('end', () => this.#close())
    socket.on('error', error => this.#socketFailed(error))
  }

  /** Answers what HAProxy has sent, then says DISCONNECT and closes. */
  drain(): void {
    this.#draining = true
    this.#scheduleFlush()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    if (this.#state === 'closing') return
    this.#framer.push(chunk)
    this.#pump()
  }

  /** Takes up frames until one is incomplete or enough is under way; then reading pauses until answers are out. */
  #pump(): void {
    try {
      while (this.#state !== 'closing' && !this.#congested) {
        const bytes = this.#framer.next()
        if (bytes === undefined) break
        this.#take(decodeFrame(bytes))
      }
    } catch (error) {
      this.#fail(error)
    }
    if (this.#state === 'closing') return
    if (this.#congested) this.#socket.pause()
    else if (this.#draining && this.#idle) this.#disconnect(Status.normal, 'the agent is stopping')
    else this.#socket.resume()
  }

  get #congested(): boolean {
    return (
      this.#inFlight.size >= this.#limits.maxInFlight ||
      this.#output.length >= OUTPUT_HIGH_WATER ||
      this.#socket.writableNeedDrain
    )
  }

  get #idle(): boolean {
    return this.#inFlight.size === 0 && this.#output.length === 0
  }

  #take(frame: Frame): void {
    // SPOE §3.2.2: "Unknown frames may be silently skipped."
    if (!KNOWN_TYPES.has(frame.type)) return
    checkUnfragmented(frame)
    const step = GATE[this.#state][frame.type]
    if (step === undefined) throw outOfPlace(frame, this.#state)
    this.#options.onFrame(step)
    if (step === 'NOTIFY') {
      this.#takeNotify(frame)
      return
    }
    checkNoStream(frame)
    if (step === 'HAPROXY-HELLO') this.#takeHello(frame)
    else this.#takeDisconnect(frame)
  }

  /** SPOE §3.2.4: the handshake; a health check is nothing else. */
  #takeHello({ payload }: Frame): void {
    const haproxyHello = decodeHaproxyHello(payload)
    const agentHello = negotiate(haproxyHello, this.#limits.maxFrameSize)
    clearTimeout(this.#helloTimer)
    this.#maxFrameSize = agentHello.maxFrameSize
    this.#framer.maxFrameSize = agentHello.maxFrameSize
    writeAgentHello(this.#output, agentHello)
    this.#options.onFrame('AGENT-HELLO')
    // At once, in one write, and nothing with it: HAProxy from 3.1 on resets the connection if it comes in pieces.
    this.#flush()
    if (haproxyHello.healthcheck) this.#close()
    else this.#state = 'open'
  }

  #takeNotify(frame: Frame): void {
    const messages = decodeNotify(frame.payload, this.#limits)
    const dispatch = new Dispatch(frame, messages, this.#options, answered => this.#answer(answered))
    dispatch.run(messages)
    if (!dispatch.over) this.#inFlight.add(dispatch)
  }

  #answer(dispatch: Dispatch): void {
    this.#inFlight.delete(dispatch)
    if (this.#state === 'closing') return
    writeAck(this.#output, dispatch, dispatch.answers, this.#maxFrameSize, (error, index) => {
      dispatch.report(error, index)
    })
    this.#options.onFrame('ACK')
    this.#scheduleFlush()
  }

  /** SPOE §3.2.8: answered in kind, whatever is under way. */
  #takeDisconnect({ payload }: Frame): void {
    const { statusCode, message } = decodeHaproxyDisconnect(payload)
    if (!ORDINARY_STATUS.has(statusCode)) {
      this.#options.onError(new SpopError(statusCode, `HAProxy disconnected: ${message}`), {})
    }
    this.#disconnect(Status.normal, 'normal')
  }

  /** After the running callbacks and promises, so that all that they answer leaves in one write. */
  #scheduleFlush(): void {
    if (this.#flushScheduled) return
    this.#flushScheduled = true
    process.nextTick(() => {
      this.#flushScheduled = false
      this.#flush()
      this.#pump()
    })
  }

  #flush(): void {
    if (this.#output.length === 0) return
    const bytes = this.#output.take()
    if (this.#socket.writable) this.#socket.write(bytes)
  }

  #helloTimedOut(): void {
    this.#fail(new SpopError(Status.timeout, `no HAPROXY-HELLO within ${this.#limits.helloTimeoutMs} ms`))
  }

  /** Ends the connection for what HAProxy sent; any other error is our own and must not end the process. */
  #fail(error: unknown): void {
    const failure =
      error instanceof SpopError
        ? error
        : new SpopError(Status.unknown, `internal error: ${error}`, undefined, { cause: error })
    this.#options.onError(failure, {})
    this.#disconnect(failure.statusCode, failure.message)
  }

  #disconnect(statusCode: number, message: string): void {
    if (this.#state === 'closing') return
    writeAgentDisconnect(this.#output, { statusCode, message })
    this.#options.onFrame('AGENT-DISCONNECT')
    this.#close()
  }

  /** Sends FIN and reads on to nowhere: a close with unread bytes would be an RST, and could overtake our answers. */
  #close(): void {
    this.#abandon()
    this.#flush()
    this.#socket.end()
    this.#socket.resume()
    this.#lingerTimer ??= setTimeout(() => this.#socket.destroy(), LINGER_MS)
  }

  /** Nothing more can be answered. */
  #abandon(): void {
    this.#state = 'closing'
    clearTimeout(this.#helloTimer)
    for (const dispatch of this.#inFlight) dispatch.cancel()
    this.#inFlight.clear()
  }

  #socketFailed(error: NodeJS.ErrnoException): void {
    if (!ORDINARY_CLOSE.has(error.code ?? '')) this.#options.onError(error, {})
  }
}

/** We never announce fragmentation; ABORT means nothing without it, and "can be ignored" (SPOE §3.2). */
function checkUnfragmented({ type, flags }: Frame): void {
  if (type !== FrameType.unset && (flags & Flag.fin) !== 0) return
  const message = 'fragmented frame: set "no option send-frag-payload" in the spoe-agent section'
  throw new SpopError(Status.fragmentationNotSupported, message, { field: 'flags' })
}

function outOfPlace({ type }: Frame, state: State): SpopError {
  return new SpopError(Status.invalidFrame, `frame of type ${type} in state "${state}"`, {
    field: 'frame type',
  })
}

function checkNoStream({ type, streamId, frameId }: Frame): void {
  if (streamId === 0 && frameId === 0) return
  const message = `frame of type ${type} must have stream-id and frame-id 0`
  throw new SpopError(Status.invalidFrame, message, { field: 'stream-id' })
}
