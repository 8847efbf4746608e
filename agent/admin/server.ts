import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify'
import type { LiveRules } from '../live-rules.ts'
import { health } from './health.ts'
import { reload } from './reload.ts'

/** What the admin port tells of. */
export interface AgentState {
  /** HAProxy gets answers only while the agent is `serving` */
  phase: 'starting' | 'serving' | 'stopping'
  readonly rules: LiveRules
}

/** The routes for people and programs that look after the agent. HAProxy's questions never come here. */
export function createAdmin(agent: Readonly<AgentState>, log: FastifyBaseLogger): FastifyInstance {
  const app = fastify({
    loggerInstance: log,
    // health checks come every few seconds
    logController: new LogController({ disableRequestLogging: true }),
    // who keeps a connection open must not keep the agent from stopping
    forceCloseConnections: true,
  })
  health(app, agent)
  reload(app, agent.rules)
  return app
}

/** Resolves to the bound address; rejects with an Error that says what to do. */
export async function listenAdmin(app: FastifyInstance, address: { host: string; port: number }) {
  try {
    await app.listen(address)
    return app.addresses()[0]
  } catch (error) {
    const { host, port } = address
    throw new Error(
      `ADMIN_LISTEN: ${host}:${port} cannot be listened on: choose another for this agent (${error})`,
    )
  }
}
