import type { FastifyInstance } from 'fastify'
import { type Outcome, poolsOf } from '../routing/index.ts'
import * as schema from './schemas.ts'
import type { AgentState } from './server.ts'

/** `GET /pools`: where the rules lead, and whether HAProxy has found a live server there. */
export function pools(app: FastifyInstance, agent: Readonly<AgentState>): void {
  app.get('/pools', { schema: schema.pools }, () => {
    const { ruleSet } = agent.rules.serving
    const { heard } = agent
    const rulesTo = (pool: string) => ruleSet.rules.filter(({ outcome }) => leadsTo(outcome, pool))
    return {
      heardAt: heard?.at,
      pools: [...poolsOf(ruleSet)].map(name => ({
        name,
        live: heard?.live.includes(name),
        rules: rulesTo(name).map(rule => rule.name),
      })),
    }
  })
}

function leadsTo(outcome: Outcome, pool: string): boolean {
  return 'route' in outcome && outcome.route.pools.includes(pool)
}
