import type { Answer } from './ack.ts'
import type { Args } from './args.ts'
import { SpoeError } from './errors.ts'
import type { NotifyMessage } from './notify.ts'

/** One message of a NOTIFY, as its handler gets it. */
export interface SpoeMessage {
  readonly name: string
  readonly args: Args
  /** HAProxy's ids; unique only within one connection. */
  readonly streamId: number
  readonly frameId: number
  /** Aborted when the answer can no longer be used: the time limit passed, or the connection closed. */
  readonly signal: AbortSignal
}

// biome-ignore lint/suspicious/noConfusingVoidType: a handler without a return statement sets nothing
type HandlerResult = Answer | void

/** Answers one message with the actions of the ACK; undefined for none. What it throws costs only its own message. */
export type Handler = (message: SpoeMessage) => HandlerResult | Promise<HandlerResult>

/** Where an error happened, as far as it is known. */
export interface ErrorContext {
  /** Name of the SPOE message. */
  message?: string
  streamId?: number
  frameId?: number
  /** Address and port of HAProxy; absent on Unix sockets. */
  peer?: string
}

export type ErrorListener = (error: Error, context: ErrorContext) => void

export interface DispatchOptions {
  handlers: ReadonlyMap<string, Handler>
  handlerTimeoutMs: number
  onError: ErrorListener
  onNoHandler: (name: string) => void
}

/** One NOTIFY on its way through the handlers. `onAnswered` is called once, unless it is cancelled before. */
export class Dispatch {
  readonly streamId: number
  readonly frameId: number
  readonly names: string[]
  readonly answers: Answer[]
  readonly #options: DispatchOptions
  readonly #onAnswered: (dispatch: Dispatch) => void
  readonly #waiting = new Set<number>()
  #over = false
  #timer: NodeJS.Timeout | undefined
  #abort: AbortController | undefined

  constructor(
    ids: { streamId: number; frameId: number },
    messages: NotifyMessage[],
    options: DispatchOptions,
    onAnswered: (dispatch: Dispatch) => void,
  ) {
    this.streamId = ids.streamId
    this.frameId = ids.frameId
    this.names = messages.map(message => message.name)
    this.answers = messages.map(() => undefined)
    this.#options = options
    this.#onAnswered = onAnswered
  }

  get over(): boolean {
    return this.#over
  }

  /** Made on demand: most handlers never look at it, and an AbortController costs more than the whole NOTIFY. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    return this.#abort.signal
  }

  run(messages: NotifyMessage[]): void {
    for (const [index, message] of messages.entries()) this.#call(index, message)
    if (this.#waiting.size === 0) this.#finish()
    else this.#timer = setTimeout(() => this.#timeOut(), this.#options.handlerTimeoutMs)
  }

  /** The connection is gone: nobody waits for the answer. */
  cancel(): void {
    this.#end()
    this.#abort?.abort(new Error('the connection to HAProxy closed'))
  }

  #call(index: number, { name, args }: NotifyMessage): void {
    const handler = this.#options.handlers.get(name)
    if (handler === undefined) {
      this.#options.onNoHandler(name)
      return
    }
    try {
      const result = handler(new Message(name, args, this))
      if (result instanceof Promise) this.#await(index, result)
      else this.answers[index] = result ?? undefined
    } catch (error) {
      this.report(asError(error), index)
    }
  }

  async #await(index: number, result: Promise<HandlerResult>): Promise<void> {
    this.#waiting.add(index)
    try {
      const answer = await result
      if (!this.#over) this.answers[index] = answer ?? undefined
    } catch (error) {
      if (!this.#over) this.report(asError(error), index)
    }
    this.#waiting.delete(index)
    if (this.#waiting.size === 0 && !this.#over) this.#finish()
  }

  #timeOut(): void {
    const { handlerTimeoutMs } = this.#options
    for (const index of this.#waiting) {
      const message = `no answer within ${handlerTimeoutMs} ms; the ACK goes out without it`
      this.report(new SpoeError('SPOE_HANDLER_TIMEOUT', message), index)
    }
    this.#finish()
    this.#abort?.abort(new Error(`no answer within ${handlerTimeoutMs} ms`))
  }

  #finish(): void {
    this.#end()
    this.#onAnswered(this)
  }

  #end(): void {
    this.#over = true
    clearTimeout(this.#timer)
  }

  /** Tells about an error of the NOTIFY, or of its message at `index`. */
  report(error: Error, index?: number): void {
    const { streamId, frameId } = this
    const message = index === undefined ? undefined : this.names[index]
    this.#options.onError(
      error,
      message === undefined ? { streamId, frameId } : { message, streamId, frameId },
    )
  }
}

class Message implements SpoeMessage {
  readonly name: string
  readonly args: Args
  readonly streamId: number
  readonly frameId: number
  readonly #dispatch: Dispatch

  constructor(name: string, args: Args, dispatch: Dispatch) {
    this.name = name
    this.args = args
    this.streamId = dispatch.streamId
    this.frameId = dispatch.frameId
    this.#dispatch = dispatch
  }

  get signal(): AbortSignal {
    return this.#dispatch.signal
  }
}

function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown
  return new SpoeError('SPOE_HANDLER_FAILED', `a handler threw ${String(thrown)}`, { cause: thrown })
}
