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

/** Everything that the environment may set. */
const environment = z.object({
  /** where HAProxy finds this agent */
  SPOP_LISTEN: z
    .union([hostPort, socketPath], 'must be host:port, or the path of a Unix socket')
    .prefault('127.0.0.1:9001'),
  /** health, readiness and reload, for people and their tools */
  ADMIN_LISTEN: hostPort.prefault('127.0.0.1:9101'),
  /** the folder of the rule files */
  RULES: z.string().default('agent/rules'),
  /** keys the hash behind `stick`; all agents of a site need the same */
  STICK_SECRET: z.string().min(1).default('dicom-load-balancer'),
  /** in shadow mode, the pool that everything goes to while the rules are only logged */
  SHADOW_POOL: z.string().min(1).optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('info'),
  /** seconds that a stopping agent gives to what is in flight */
  STOP_GRACE: z.coerce.number().min(0).default(10),
})

export type Config = z.infer<typeof environment>

/** Throws an Error that names each variable which cannot be used. */
export function readConfig(variables: NodeJS.ProcessEnv): Config {
  const parsed = environment.safeParse(variables)
  if (parsed.success) return parsed.data
  throw new Error(parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n'))
}
