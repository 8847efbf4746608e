import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { InjectOptions } from 'fastify'
import { type AgentState, createAdmin } from '../../agent/admin/server.ts'
import { RecentDecisions } from '../../agent/decisions.ts'
import type { LiveRules } from '../../agent/live-rules.ts'
import { createMetrics } from '../../agent/metrics.ts'
import { folderOf, start } from '../reload/support.ts'

/** An agent that serves these rules, as far as its admin port knows. */
export function agentOf(rules: LiveRules): AgentState {
  return {
    phase: 'serving',
    rules,
    metrics: createMetrics({ rules, connections: () => 0 }),
    decisions: new RecentDecisions(),
    sources: { gateway: undefined },
    stickSecret: 'a secret of the site',
  }
}

/** The admin port of an agent with these rules, which nobody listens on. */
export async function startAdmin(t: TestContext, ruleFile: string, token?: string) {
  const folder = folderOf(t, ruleFile)
  const { rules, log, logged } = await start(folder)
  const agent = agentOf(rules)
  const app = createAdmin(agent, log, token)
  t.after(() => app.close())
  return {
    agent,
    app,
    rules,
    logged,
    folder,
    write: (text: string) => writeFileSync(join(folder, 'rules.yaml'), text),
    get: (url: string, headers: Record<string, string> = {}) => app.inject({ url, headers }),
    post: (url: string, options: InjectOptions = {}) => app.inject({ method: 'POST', url, ...options }),
  }
}
