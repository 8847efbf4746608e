import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { type Delivery, type DeliveryOptions, QUEUE_LIMIT } from './syslog.ts'

const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 60_000
/** For the server to take a connection, or a message. */
const STALLED_MS = 15_000

/**
 * Syslog over TLS, RFC 5425: each message behind its length in decimal. It connects when there is something to send. A
 * message leaves the queue when the operating system has taken it: syslog acknowledges nothing, so what is on its way when
 * the connection breaks is lost.
 */
export class TlsDelivery implements Delivery {
  readonly #server: ConnectionOptions
  readonly #options: DeliveryOptions
  readonly #queue: Buffer[] = []
  #socket: TLSSocket | undefined
  #state: 'idle' | 'connecting' | 'writing' | 'waiting' = 'idle'
  #retryMs = FIRST_RETRY_MS
  #retry: NodeJS.Timeout | undefined
  #failed = false
  #onEmpty = () => {}

  constructor(server: ConnectionOptions, options: DeliveryOptions) {
    this.#server = server
    this.#options = options
  }

  send(message: Buffer): void {
    if (this.#queue.length === (this.#options.limit ?? QUEUE_LIMIT)) {
      this.#options.onDelivery('dropped')
      return
    }
    this.#queue.push(message)
    this.#next()
  }

  async close(graceMs: number): Promise<void> {
    if (this.#state === 'waiting') this.#try()
    if (this.#queue.length > 0) {
      await new Promise<void>(resolve => {
        const limit = setTimeout(resolve, graceMs)
        this.#onEmpty = () => {
          clearTimeout(limit)
          resolve()
        }
      })
    }
    const left = this.#queue.splice(0)
    for (const _ of left) this.#options.onDelivery('dropped')
    clearTimeout(this.#retry)
    if (left.length > 0) this.#socket?.destroy()
    else this.#socket?.destroySoon()
  }

  #next(): void {
    const [message] = this.#queue
    if (message === undefined) this.#onEmpty()
    else if (this.#state === 'idle' && this.#socket) this.#write(this.#socket, message)
    else if (this.#state === 'idle') this.#connect()
  }

  #write(socket: TLSSocket, message: Buffer): void {
    this.#state = 'writing'
    socket.write(Buffer.concat([Buffer.from(`${message.length} `), message]), error => {
      // its close is yet to come, or has come
      if (error || socket !== this.#socket) return
      this.#state = 'idle'
      this.#retryMs = FIRST_RETRY_MS
      this.#queue.shift()
      this.#options.onDelivery('sent')
      this.#next()
    })
  }

  #connect(): void {
    this.#state = 'connecting'
    let problem: Error | undefined
    const socket = connect(this.#server)
    this.#socket = socket
    socket
      .setKeepAlive(true)
      .setTimeout(STALLED_MS, () => {
        if (this.#state !== 'idle') socket.destroy(new Error(`nothing was taken for ${STALLED_MS / 1000} s`))
      })
      .on('secureConnect', () => {
        if (this.#failed) this.#options.onProblem(undefined)
        this.#failed = false
        this.#state = 'idle'
        this.#next()
      })
      .on('error', error => {
        problem = error
      })
      .on('close', () => this.#closed(problem))
      // a server says nothing, but only who reads sees that it closes
      .resume()
  }

  #closed(problem: Error | undefined): void {
    this.#socket = undefined
    this.#state = 'idle'
    const isWaitedFor = this.#queue.length > 0
    if (!this.#failed && (problem || isWaitedFor)) {
      this.#failed = true
      this.#options.onProblem(problem ?? new Error('the server has closed the connection'))
    }
    if (!isWaitedFor) return
    this.#state = 'waiting'
    this.#retry = setTimeout(() => this.#try(), this.#retryMs).unref()
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS)
  }

  #try(): void {
    clearTimeout(this.#retry)
    this.#state = 'idle'
    this.#next()
  }
}
