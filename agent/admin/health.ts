import type { FastifyInstance } from 'fastify'
import type { AgentState } from './server.ts'

/** `/healthz`: the process answers. `/readyz`: whether HAProxy gets answers, too, and by which rules. */
export function health(app: FastifyInstance, agent: Readonly<AgentState>): void {
  app.get('/healthz', () => ({ status: 'ok' }))

  // rules that were refused are told, but the agent is ready: those before still serve
  app.get('/readyz', (_, reply) => {
    const { ruleSet, hash, loadedAt } = agent.rules.serving
    reply.code(agent.phase === 'serving' ? 200 : 503)
    return {
      status: agent.phase,
      rules: { hash, count: ruleSet.rules.length, loadedAt },
      lastReload: agent.rules.lastReload,
    }
  })
}
