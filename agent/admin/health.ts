import type { FastifyInstance } from 'fastify'
import { open } from './admit.ts'
import * as schema from './schemas.ts'
import type { AgentState } from './server.ts'

/**
 * For orchestrators and monitors. `/livez`: the process answers. `/readyz`: whether HAProxy gets answers, too, and by
 * which rules. `/metrics`: for Prometheus.
 */
export function health(app: FastifyInstance, agent: Readonly<AgentState>): void {
  app.get('/livez', { ...open, schema: schema.livez }, () => ({ status: 'ok' }))

  // rules that were refused are told, but the agent is ready: those before still serve
  app.get('/readyz', { ...open, schema: schema.readyz }, (_, reply) => {
    const { ruleSet, hash, loadedAt } = agent.rules.serving
    reply.code(agent.phase === 'serving' ? 200 : 503)
    return {
      status: agent.phase,
      rules: { hash, count: ruleSet.rules.length, loadedAt },
      lastReload: agent.rules.lastReload,
      gateway: agent.sources.gateway,
    }
  })

  app.get('/metrics', { ...open, schema: schema.metrics }, (_, reply) => {
    reply.type(agent.metrics.contentType)
    return agent.metrics.text()
  })
}
