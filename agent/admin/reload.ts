import type { FastifyInstance } from 'fastify'
import type { LiveRules } from '../live-rules.ts'
import * as schema from './schemas.ts'

/** `POST /-/reload`: 200 with the hash of the rules that serve now, or 422 with all that is wrong, as text. */
export function reload(app: FastifyInstance, rules: LiveRules): void {
  app.post('/-/reload', { schema: schema.reload }, async (_, reply) => {
    const result = await rules.reload('POST')
    reply.code(result.ok ? 200 : 422).type('text/plain; charset=utf-8')
    return result.ok ? `${result.hash}\n` : `${result.problems.join('\n')}\n`
  })
}
