import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Connection, type ConnectionOptions, type FrameListener } from './connection.ts'
import type { ErrorListener, Handler } from './dispatch.ts'
import { brief, SpoeError } from './errors.ts'
import { type Limits, limitsFrom } from './limits.ts'
import { bind } from './listen.ts'

/** Names of unhandled messages that are remembered, so that each is reported once. */
const MAX_REPORTED_NAMES = 1000

export interface SpoeServerOptions extends Partial<Limits> {
  /** One per SPOE message name. */
  handlers: Record<string, Handler>
  /** Told of handlers that fail, of malformed frames, and of answers that cannot be sent. */
  onError?: ErrorListener
  /** Told of every frame that is taken up or sent, for metrics. */
  onFrame?: FrameListener
}

export interface TcpAddress {
  host?: string
  port: number
}

export interface UnixAddress {
  path: string
}

export interface SpoeServer {
  /** Resolves to the bound address or the path. Rejects if it is taken. */
  listen(address: TcpAddress): Promise<AddressInfo>
  listen(address: UnixAddress): Promise<string>
  listen(address: TcpAddress | UnixAddress): Promise<AddressInfo | string>
  /**
   * Accepts no more, and goes on answering for `noticeMs` (0 by default), in which HAProxy's checks may find that out
   * and ask others. Then it answers what HAProxy has sent, says DISCONNECT on each connection and closes it; cuts those
   * that are still open `graceMs` (5000 by default) later.
   */
  close(options?: { noticeMs?: number; graceMs?: number }): Promise<void>
  /** Open connections. */
  readonly connections: number
}

/** A SPOE agent. Throws RangeError for a limit that makes no sense. */
export function createSpoeServer(options: SpoeServerOptions): SpoeServer {
  const limits = limitsFrom(options)
  const onError = guarded(options.onError ?? (() => {}))
  const reported = new Set<string>()
  const connectionOptions: ConnectionOptions = {
    handlers: new Map(Object.entries(options.handlers)),
    handlerTimeoutMs: limits.handlerTimeoutMs,
    onError,
    onFrame: guarded(options.onFrame ?? (() => {})),
    onNoHandler: called => {
      const name = brief(called)
      if (reported.has(name) || reported.size === MAX_REPORTED_NAMES) return
      reported.add(name)
      const message = `no handler for the SPOE message "${name}": add one, or take it out of the configuration`
      onError(new SpoeError('SPOE_NO_HANDLER', message), { message: name })
    },
  }

  const connections = new Set<Connection>()
  const listener = createServer({ noDelay: true, keepAlive: true }, socket => {
    const connection = new Connection(socket, limits, connectionOptions)
    connections.add(connection)
    connection.closed.then(() => connections.delete(connection))
  })
  let closed: Promise<void> | undefined

  async function close(noticeMs: number, graceMs: number): Promise<void> {
    if (!listener.listening) return
    // comes when all connections are closed, too
    const stopped = new Promise(resolve => listener.close(resolve))
    await Promise.race([stopped, sleep(noticeMs, undefined, { ref: false })])
    const closings = Array.from(connections, connection => connection.closed)
    for (const connection of connections) connection.drain()
    const cut = setTimeout(() => {
      for (const connection of connections) connection.destroy()
    }, graceMs)
    await Promise.all([stopped, ...closings])
    clearTimeout(cut)
  }

  return {
    listen: (async (address: TcpAddress | UnixAddress) => {
      await bind(listener, address)
      // From here on an error is one failed accept, such as too many open files.
      listener.on('error', error => onError(error, {}))
      return listener.address()
    }) as SpoeServer['listen'],
    close({ noticeMs = 0, graceMs = 5000 } = {}) {
      closed ??= close(noticeMs, graceMs)
      return closed
    },
    get connections() {
      return connections.size
    },
  }
}

/** An error in a listener is reported as a warning of the process: it must not end a connection. */
function guarded<A extends unknown[]>(listener: (...told: A) => void): (...told: A) => void {
  return (...told) => {
    try {
      listener(...told)
    } catch (failure) {
      process.emitWarning(failure instanceof Error ? failure : String(failure))
    }
  }
}
