import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './ports.ts'

/**
 * In front of a server: passes on what comes, or delays it, holds it up, or cuts connections. A cut is a reset; a relay can
 * lose connections, but no packets.
 */
export interface Relay {
  port: number
  /** that of the server */
  target: number
  /** ms that each piece of what comes takes, in both directions */
  delay: number
  /** whether to cut the connection on which the client has sent this, before it arrives */
  cutsAt: (bytes: Buffer) => boolean
  /** cuts all connections */
  cut(): void
  /** nothing moves until `flow` */
  stall(): void
  flow(): void
  stop(): Promise<void>
}

export async function startRelay(target = 0): Promise<Relay> {
  const sockets = new Set<Socket>()
  let flowing = Promise.withResolvers<void>()
  flowing.resolve()

  const server = createServer({ allowHalfOpen: true, noDelay: true }, async client => {
    const upstream = connect({ port: relay.target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => sockets.delete(socket))
    }
    const passing = (cuts: (bytes: Buffer) => boolean) =>
      new Transform({
        async transform(bytes, _, done) {
          if (cuts(bytes)) return reset()
          await flowing.promise
          if (relay.delay > 0) await sleep(relay.delay)
          done(null, bytes)
        },
      })
    const reset = () => {
      client.resetAndDestroy()
      upstream.resetAndDestroy()
    }
    await Promise.all([
      pipeline(
        client,
        passing(bytes => relay.cutsAt(bytes)),
        upstream,
      ),
      pipeline(
        upstream,
        passing(() => false),
        client,
      ),
    ]).catch(reset)
  })

  const relay: Relay = {
    port: await freePort(),
    target,
    delay: 0,
    cutsAt: () => false,
    cut() {
      for (const socket of sockets) socket.resetAndDestroy()
    },
    stall() {
      flowing = Promise.withResolvers()
    },
    flow: () => flowing.resolve(),
    async stop() {
      flowing.resolve()
      const closed = once(server, 'close')
      server.close()
      relay.cut()
      await closed
    },
  }
  server.listen(relay.port, '127.0.0.1')
  await once(server, 'listening')
  return relay
}
