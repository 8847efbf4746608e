import swagger from '@fastify/swagger'
import {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  fastify,
  LogController,
} from 'fastify'
import packageJson from '../../package.json' with { type: 'json' }
import type { RecentDecisions } from '../decisions.ts'
import type { LiveRules } from '../live-rules.ts'
import type { Metrics } from '../metrics.ts'
import type { Sources } from '../sources.ts'
import { admit } from './admit.ts'
import { consolePage } from './console.ts'
import { decisions } from './decisions.ts'
import { explain } from './explain.ts'
import { health } from './health.ts'
import { pools } from './pools.ts'
import { reload } from './reload.ts'
import { rules } from './rules.ts'

/** What the admin port tells of. */
export interface AgentState {
  /** HAProxy gets answers only while the agent is `serving` */
  phase: 'starting' | 'serving' | 'stopping'
  readonly rules: LiveRules
  readonly metrics: Metrics
  readonly decisions: RecentDecisions
  readonly sources: Pick<Sources, 'gateway'>
  readonly stickSecret: string
  /** the pools that have a live server, as HAProxy said with its latest question */
  heard?: { readonly live: readonly string[]; readonly at: Date }
}

/** Bytes of a request's body; what is sent as a DICOM file has a limit of its own. */
const BODY_LIMIT = 64 * 1024
/** For a request to be here, body and all; an answer may take longer. */
const REQUEST_TIMEOUT_MS = 30_000

const description = `An agent of the DICOM load balancer. \`/livez\`, \`/readyz\` and \`/metrics\` are for everyone. The rest \
is for who sends the token in ADMIN_TOKEN or, where there is none, for programs on the agent's machine only. What cannot \
be done is answered with \`{"error": "what to do about it"}\`.`

/** The routes for people and programs that look after the agent. HAProxy's questions never come here. */
export function createAdmin(
  agent: Readonly<AgentState>,
  log: FastifyBaseLogger,
  token?: string,
): FastifyInstance {
  const app = fastify({
    loggerInstance: log,
    // health checks come every few seconds, and what is asked may be a patient's
    logController: new LogController({ disableRequestLogging: true }),
    // who keeps a connection open must not keep the agent from stopping
    forceCloseConnections: true,
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // a misspelt parameter is an error, and text stays text
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, allowUnionTypes: true } },
  })
  // the schemas of answers are for /openapi.json: they must not leave anything out
  app.setSerializerCompiler(() => JSON.stringify)
  app.setErrorHandler<FastifyError>((error, _, reply) => {
    const { statusCode = 500, message } = error
    if (statusCode >= 500) log.error({ err: error }, 'admin')
    reply.code(statusCode)
    return { error: statusCode >= 500 ? 'the agent failed: its log says how' : message }
  })
  app.setNotFoundHandler((request, reply) => {
    reply.code(404)
    return { error: `there is no ${request.method} here: GET /openapi.json tells what there is` }
  })
  app.addHook('onRequest', admit(token))

  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: packageJson.name, version: packageJson.version, description },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
  })
  // behind the plugin, which is told of every route
  app.register(async routes => {
    health(routes, agent)
    rules(routes, agent)
    pools(routes, agent)
    explain(routes, agent)
    reload(routes, agent.rules)
    decisions(routes, agent.decisions)
    consolePage(routes)
    routes.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
  })
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
