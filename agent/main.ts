import { createSpoeServer } from 'haproxy-spoe'
import { pino } from 'pino'
import { type AgentState, createAdmin, listenAdmin } from './admin/server.ts'
import { createAudit } from './audit/index.ts'
import { readConfig } from './config.ts'
import { RecentDecisions } from './decisions.ts'
import { createHandlers } from './handlers.ts'
import { startRules, watchRules } from './live-rules.ts'
import { createMetrics } from './metrics.ts'
import { createKnowledge, Doubts, isDeclared, probe } from './negotiation/index.ts'
import { watchSources } from './sources.ts'
import { logErrors } from './spop-errors.ts'

/** HAProxy checks its agents every 250 ms (haproxy.cfg). */
const NOTICE_MS = 1000
/** For pools to be asked; all else is answered at once. HAProxy waits for 5 s (spoe-dicom.conf). */
const LEARN_TIMEOUT_MS = 4800
/** So long, or until there are so many bytes, a line of the log waits for others: to write each alone would slow answers down. */
const LOG_MS = 100
const LOG_BYTES = 4096
/** How often it is looked for what is known of pools and gets old. */
const REFRESH_MS = 60_000

try {
  const config = readConfig(process.env)
  const { STICK_SECRET: stickSecret, LOG_PATIENT_SECRET: patientSecret, SHADOW_POOL: shadowPool } = config
  const lines = pino.destination({ sync: false, minLength: LOG_BYTES, periodicFlush: LOG_MS })
  const log = pino({ level: config.LOG_LEVEL }, lines)
  const rules = await startRules(config.RULES, log)
  const decisions = new RecentDecisions()
  const sources = watchSources(log)
  const metrics = createMetrics({
    rules,
    connections: () => server.connections,
    aeTitles: config.METRICS_AE_TITLES,
  })
  const knowledge = createKnowledge({
    probe: (pool, rq) => probe(config.GATEWAY, pool, rq),
    onProbe: (pool, answer, { calledAE: called, callingAE: calling }) => {
      metrics.probed(pool, answer.outcome)
      const { outcome } = answer
      const told = { pool, calling, called, outcome, ...('why' in answer && { why: answer.why }) }
      if (outcome === 'accepted') log.info(told, 'asked a pool')
      else log.warn(told, 'asked a pool')
    },
    onLookUp: metrics.lookedUp,
  })
  const doubts = new Doubts()
  const audit =
    config.AUDIT_SYSLOG &&
    createAudit({
      server: config.AUDIT_SYSLOG,
      ca: config.AUDIT_CA,
      cert: config.AUDIT_CERT,
      transfers: config.AUDIT_TRANSFERS ?? false,
      log,
      onDelivery: metrics.audited,
    })
  const logError = logErrors(log)
  const server = createSpoeServer({
    handlers: createHandlers(
      () => ({ ruleSet: rules.serving.ruleSet, stickSecret, patientSecret, shadowPool, knowledge, doubts }),
      log,
      (answered, ruleSet, seconds, live) => {
        metrics.answered(answered, ruleSet, seconds)
        decisions.add(answered)
        sources.answered(answered, ruleSet)
        if (live) agent.heard = { live, at: new Date() }
      },
      metrics.mismatched,
      event => {
        metrics.decided(event)
        audit?.decided(event)
      },
    ),
    handlerTimeoutMs: LEARN_TIMEOUT_MS,
    onFrame: metrics.frame,
    onError: error => {
      metrics.spopError(error)
      logError(error)
    },
  })

  const agent: AgentState = { phase: 'starting', rules, metrics, decisions, sources, stickSecret }
  const admin = createAdmin(agent, log, config.ADMIN_TOKEN)
  const adminAddress = await listenAdmin(admin, config.ADMIN_LISTEN)
  const address = await server.listen(config.SPOP_LISTEN)
  agent.phase = 'serving'
  if (shadowPool !== undefined) log.warn({ shadowPool }, 'shadow mode: the rules are logged, and do nothing')
  log.info({ address, admin: adminAddress }, 'listening')
  audit?.started()

  setInterval(
    () => knowledge.refresh(pool => !isDeclared(rules.serving.ruleSet.pools.get(pool) ?? {})),
    REFRESH_MS,
  ).unref()
  watchRules(rules)
  process.on('SIGHUP', () => void rules.reload('SIGHUP'))

  const stop = async (signal: string) => {
    log.info({ signal }, 'stopping')
    agent.phase = 'stopping'
    await server.close({ noticeMs: NOTICE_MS, graceMs: config.STOP_GRACE * 1000 })
    await Promise.all([admin.close(), audit?.stopped()])
  }
  process.once('SIGTERM', stop).once('SIGINT', stop)
} catch (error) {
  // the messages say what to mend; a stack would only hide it
  console.error(error instanceof Error ? error.message : error)
  // what listens already would go on
  process.exit(1)
}
