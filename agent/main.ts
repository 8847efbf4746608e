import { createSpoeServer } from 'haproxy-spoe'
import { pino } from 'pino'
import { readConfig } from './config.ts'
import { createHandlers } from './handlers.ts'
import { loadRules } from './routing/index.ts'

try {
  const config = readConfig(process.env)
  const log = pino({ level: config.LOG_LEVEL })
  const site = { ruleSet: loadRules(config.RULES), stickSecret: config.STICK_SECRET }
  const server = createSpoeServer({
    handlers: createHandlers(site, log),
    onError: error => log.warn({ err: error }, 'SPOP'),
  })
  const address = await server.listen(config.SPOP_LISTEN)
  log.info({ address, rules: site.ruleSet.rules.length }, 'listening')

  const stop = async (signal: string) => {
    log.info({ signal }, 'stopping')
    await server.close({ graceMs: config.STOP_GRACE * 1000 })
  }
  process.once('SIGTERM', stop).once('SIGINT', stop)
} catch (error) {
  // the messages say what to mend; a stack would only hide it
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
