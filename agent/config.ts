import { readFileSync } from 'node:fs'
import { z } from 'zod'

const hostPort = z
  .string()
  .regex(/^[^/].*:\d{1,5}$/, 'must be host:port')
  .transform(text => {
    const colon = text.lastIndexOf(':')
    return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) }
  })

const socketPath = z
  .string()
  .startsWith('/')
  .transform(path => ({ path }))

/** Empty is as good as not set: so a compose file can pass on what there may be. */
const optional = <T extends z.ZodType>(schema: T) =>
  z.preprocess(text => (text === '' ? undefined : text), schema.optional())

const DEFAULT_SYSLOG_PORTS = { tls: 6514, udp: 514 } as const

const syslogServer = z
  .url({ protocol: /^(tls|udp)$/, hostname: /./, error: 'must be tls://host:port or udp://host:port' })
  .transform(text => {
    const { protocol, hostname, port } = new URL(text)
    const transport = protocol === 'tls:' ? 'tls' : 'udp'
    // an IPv6 address stands in brackets
    const host = hostname.replace(/^\[|\]$/g, '')
    return { transport, host, port: Number(port) || DEFAULT_SYSLOG_PORTS[transport] } as const
  })

const pemFile = z.string().transform((file, context) => {
  try {
    return readFileSync(file)
  } catch (error) {
    context.addIssue(`it cannot be read: ${error instanceof Error ? error.message : error}`)
    return z.NEVER
  }
})

const secret = z.string().min(16, 'must have 16 characters at least: `openssl rand -hex 24` makes one')

/** Everything that the environment may set. */
const environment = z.object({
  /** where HAProxy finds this agent */
  SPOP_LISTEN: z
    .union([hostPort, socketPath], 'must be host:port, or the path of a Unix socket')
    .prefault('127.0.0.1:9001'),
  /** health, metrics, explanations and reload, for people and their tools */
  ADMIN_LISTEN: hostPort.prefault('127.0.0.1:9101'),
  /** whoever sends it may ask for more than health and metrics; or the file that holds it */
  ADMIN_TOKEN: optional(secret),
  ADMIN_TOKEN_FILE: optional(z.string()),
  /** where HAProxy takes this agent's questions to pools: its GATEWAY_BIND */
  GATEWAY: hostPort.prefault('127.0.0.1:11114'),
  /** the folder of the rule files */
  RULES: z.string().default('agent/rules'),
  /** keys the hash behind `stick`; all agents of a site need the same */
  STICK_SECRET: z.string().min(1).default('dicom-load-balancer'),
  /** keys the hash of the PatientID in the log; there is none without it */
  LOG_PATIENT_SECRET: optional(secret),
  /** the calling AE titles that metrics tell apart */
  METRICS_AE_TITLES: optional(z.string().transform(text => text.split(',').map(title => title.trim()))),
  /** in shadow mode, the pool that everything goes to while the rules are only logged */
  SHADOW_POOL: z.string().min(1).optional(),
  /** where audit messages go; without it, there are none */
  AUDIT_SYSLOG: optional(syslogServer),
  /** who signs the certificate of that server */
  AUDIT_CA: optional(pemFile),
  /** this agent's certificate and key for it */
  AUDIT_CERT: optional(pemFile),
  /** whether audit messages tell of images that go to a pool, and of their patients */
  AUDIT_TRANSFERS: optional(z.stringbool()),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('info'),
  /** seconds that a stopping agent gives to what is in flight */
  STOP_GRACE: z.coerce.number().min(0).default(10),
})

/** Patients are not told of where anybody may listen. */
const checked = environment.refine(
  ({ AUDIT_TRANSFERS, AUDIT_SYSLOG }) => !AUDIT_TRANSFERS || AUDIT_SYSLOG?.transport === 'tls',
  { path: ['AUDIT_TRANSFERS'], error: 'needs AUDIT_SYSLOG with tls://' },
)

export type Config = z.infer<typeof environment>

/** Throws an Error that names each variable which cannot be used. */
export function readConfig(variables: NodeJS.ProcessEnv): Config {
  const { ADMIN_TOKEN_FILE: file } = variables
  const token = file ? { ADMIN_TOKEN: contentOf(file) } : {}
  const parsed = checked.safeParse({ ...variables, ...token })
  if (parsed.success) return parsed.data
  throw new Error(parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n'))
}

function contentOf(file: string): string {
  let content: string
  try {
    content = readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new Error(`ADMIN_TOKEN_FILE: it cannot be read: ${error instanceof Error ? error.message : error}`)
  }
  // an empty variable is no token; but who names a file wants one
  if (content === '') throw new Error(`ADMIN_TOKEN_FILE: it is empty: ${file}`)
  return content
}
