import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { Decision, RecentDecisions } from '../decisions.ts'
import * as schema from './schemas.ts'

/** How many may listen at a time. */
const MAX_LISTENERS = 20
/** Bytes that a listener may be behind. */
const MAX_BEHIND = 256 * 1024
/** Tells a listener that is gone from a quiet night. */
const HEARTBEAT_MS = 15_000

/** `GET /decisions`: the latest as JSON; as server-sent events, these and all that come, for who accepts them. */
export function decisions(app: FastifyInstance, recent: RecentDecisions): void {
  const listeners = new Set<ServerResponse>()
  // they would go on for ever
  app.addHook('preClose', async () => {
    for (const listener of listeners) listener.end()
  })

  app.get('/decisions', { schema: schema.decisions }, (request, reply) => {
    if (!request.headers.accept?.includes('text/event-stream')) {
      reply.send({ decisions: recent.latest })
      return
    }
    if (listeners.size === MAX_LISTENERS) {
      const error = `${MAX_LISTENERS} are listening already: close one, or ask without "Accept: text/event-stream"`
      reply.code(503).header('retry-after', '10').send({ error })
      return
    }
    reply.hijack()
    listeners.add(reply.raw)
    const end = stream(reply.raw, recent)
    reply.raw.once('close', () => {
      end()
      listeners.delete(reply.raw)
    })
  })
}

/** Writes until what it returns is called. Who reads too slowly is cut off: what waits for one is memory of all. */
function stream(response: ServerResponse, recent: RecentDecisions): () => void {
  const write = (text: string) => {
    if (response.writableLength > MAX_BEHIND) response.destroy()
    else response.write(text)
  }
  const event = (decision: Decision) => write(`data: ${JSON.stringify(decision)}\n\n`)
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  write(recent.latest.map(decision => `data: ${JSON.stringify(decision)}\n\n`).join(''))
  const unlisten = recent.listen(event)
  const heartbeat = setInterval(write, HEARTBEAT_MS, ':\n\n')
  return () => {
    unlisten()
    clearInterval(heartbeat)
  }
}
