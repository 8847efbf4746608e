import type { FastifyInstance } from 'fastify'
import { undecidedRuleName } from '../routing/evaluate.ts'
import type { Outcome } from '../routing/rule-set.ts'
import * as schema from './schemas.ts'
import type { AgentState } from './server.ts'

/** `GET /rules`: the rules that serve, in the order in which they are tried, and how often each has decided. */
export function rules(app: FastifyInstance, agent: Readonly<AgentState>): void {
  app.get('/rules', { schema: schema.rules }, () => {
    const { ruleSet, hash, loadedAt } = agent.rules.serving
    const hits = agent.metrics.hits()
    const hitsOf = (rule: string) => hits.get(rule) ?? { decided: 0, waited: 0 }
    const { undecided } = ruleSet
    return {
      hash,
      loadedAt,
      problems: agent.rules.problems,
      rules: ruleSet.rules.map(({ name, description, file, line, conditions, outcome }) => ({
        name,
        description,
        file,
        line,
        when: conditions.map(({ text }) => text),
        ...told(outcome),
        hits: hitsOf(name),
      })),
      undecided: undecided && { ...told(undecided), hits: hitsOf(undecidedRuleName) },
    }
  })
}

function told(outcome: Outcome) {
  if ('reject' in outcome) return { reject: outcome.reject }
  const { route, mixed, stick } = outcome
  return { route, mixed, stick: stick !== undefined }
}
