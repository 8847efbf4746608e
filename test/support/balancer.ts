import { mkdtempSync, writeFileSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Running, start } from '../../deploy/local/processes.ts'
import { type Haproxy, startHaproxy, statistics, waitUntil } from './haproxy.ts'
import { refusePatients } from './patients.ts'
import { freePort } from './ports.ts'
import type { Relay } from './relay.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const shippedFolder = join(root, 'haproxy')

/** What each balancer of this process has logged. */
const logs: (() => string)[] = []

process.on('exit', code => {
  if (code === 0 || logs.length === 0) return
  const file = join(mkdtempSync(join(tmpdir(), 'failed-')), 'balancers.log')
  writeFileSync(file, logs.map(log => log()).join('\n'))
  process.stderr.write(`The logs of the balancers of ${process.argv[1]}: ${file}\n`)
})

/** A server of a pool: its name in HAProxy, of which the part before ":" is the AE title, and its port. */
export interface PoolServer {
  name: string
  port: number
  maxconn?: number
  /** further words of its line */
  options?: string
}

export interface BalancerOptions {
  /** the text of the one rule file */
  rules: string
  /** the servers of each pool; a pool is balanced by stick key */
  pools: Readonly<Record<string, readonly PoolServer[]>>
  /** where clients connect, if that has to be known before */
  port?: number
  host?: string
  agents?: number
  /** in front of the agents, one of each */
  relays?: readonly Relay[]
  /** what haproxy.cfg and agent/config.ts read; RULES for another folder than that of `rules` */
  env?: Record<string, string>
  /** changes HAProxy's shipped configuration, or startBalancer rejects */
  edit?: (haproxyCfg: string) => string
  /** HAProxy with a master process, for deploy/local/operate.ts */
  master?: boolean
  /** servers ("pool/name") that nobody listens for */
  down?: readonly string[]
}

/** The product as it is shipped, HAProxy with its files and agents as processes, on free ports. */
export interface Balancer {
  port: number
  /** of the dashboard and HAProxy's metrics */
  statsPort: number
  rulesFolder: string
  /** where the agents ask pools */
  gatewayPort: number
  haproxy: Haproxy
  agents: Running[]
  /** the first line of HAProxy's log that matches, when it is there */
  logged(pattern: RegExp): Promise<string>
  /** HAProxy's line for an association by its calling AE title, once the association has ended */
  logLine(callingAE: string): Promise<string>
  /** rejects where HAProxy had crashed, or a log tells of a patient */
  stop(): Promise<void>
}

export async function startBalancer(options: BalancerOptions): Promise<Balancer> {
  const {
    rules,
    pools,
    port = await freePort(),
    host = '127.0.0.1',
    agents: count = 2,
    relays = [],
    env = {},
    edit,
    master = false,
    down = [],
  } = options
  const cfg = await shipped('haproxy.cfg')
  const config = edit?.(cfg) ?? cfg
  if (edit && config === cfg) throw new Error('the edit found nothing to change in haproxy.cfg')
  const folder = await mkdtemp(join(tmpdir(), 'balancer-'))
  await writeFile(join(folder, 'rules.yaml'), rules)
  const gatewayPort = await freePort()
  const gateway = `127.0.0.1:${gatewayPort}`
  const agents = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      startAgent(`agent${index + 1}`, { RULES: folder, GATEWAY: gateway, ...env }),
    ),
  )
  const stopAgents = () => Promise.all(agents.map(agent => agent.stop()))
  const addresses = (await Promise.all(agents.map(spopAddress))).map(({ host, port }, index) => {
    const relay = relays[index]
    if (relay) relay.target = port
    return `${host}:${relay?.port ?? port}`
  })

  const lua = (await readdir(shippedFolder)).filter(name => name.endsWith('.lua'))
  const statsPort = await freePort()
  const guardPort = await freePort()
  const haproxy = await startHaproxy({
    config,
    files: {
      ...Object.fromEntries(await Promise.all(lua.map(async name => [name, await shipped(name)]))),
      'spoe-dicom.conf': await shipped('spoe-dicom.conf'),
      'pacs.cfg': pacsCfg(pools),
    },
    args: [
      ...(master ? ['-W', '-S', '{dir}/haproxy.sock,mode,600'] : []),
      ...['-C', '{dir}', '-f', '{dir}/pacs.cfg'],
    ],
    env: {
      ...(master ? { STATE_DIR: '{dir}' } : {}),
      DICOM_BIND: `${host}:${port}`,
      STATS_BIND: `127.0.0.1:${statsPort}`,
      GUARD_BIND: `127.0.0.1:${guardPort}`,
      GATEWAY_BIND: gateway,
      AGENT1: addresses[0] ?? '127.0.0.1:1',
      AGENT2: addresses[1] ?? '127.0.0.1:1',
      ...env,
    },
  }).catch(async error => {
    await stopAgents()
    throw error
  })
  const logged = (pattern: RegExp) =>
    waitUntil(() =>
      haproxy
        .log()
        .split('\n')
        .find(line => pattern.test(line)),
    ).catch(error => {
      throw new Error(`no line of HAProxy's log matches ${pattern}:\n${haproxy.log()}`, { cause: error })
    })
  const agentsLog = () => agents.map(agent => agent.output()).join('\n')
  const balancer: Balancer = {
    port,
    statsPort,
    rulesFolder: folder,
    gatewayPort,
    haproxy,
    agents,
    logged,
    logLine: callingAE => logged(new RegExp(`calling="${callingAE}"`)),
    async stop() {
      try {
        await haproxy.stop()
      } finally {
        await stopAgents()
        await rm(folder, { recursive: true })
      }
      refusePatients({ HAProxy: haproxy.log(), 'the agents': agentsLog() })
    },
  }
  logs.push(() => `${haproxy.log()}\n${agentsLog()}`)
  try {
    const expected = Object.entries(pools).flatMap(([pool, servers]) =>
      servers.map(({ name }) => `${pool}/${name}`),
    )
    await found(haproxy, 'DOWN', down)
    await found(haproxy, 'UP', [
      ...expected.filter(server => !down.includes(server)),
      ...agents.map((_, index) => `agents/agent${index + 1}`),
    ])
  } catch (error) {
    await balancer.stop()
    throw new Error(`health checks did not find the servers as expected:\n${haproxy.log()}`, { cause: error })
  }
  return balancer
}

/** An agent on ports that are free; that for HAProxy is its own, so that another agent can follow it there. */
export async function startAgent(name: string, env: Record<string, string>): Promise<Running> {
  return start({
    name,
    command: [process.execPath, join(root, 'agent/main.ts')],
    env: { SPOP_LISTEN: `127.0.0.1:${await freePort()}`, ADMIN_LISTEN: '127.0.0.1:0', ...env },
  })
}

/** Where an agent's admin port is, once it serves. */
export async function adminUrl(agent: Running): Promise<string> {
  const [, port] = await agent.wrote(/"admin":\{[^}]*"port":(\d+)\}.*"listening"/)
  return `http://127.0.0.1:${port}`
}

/** The metrics of an agent. */
export async function metricsText(agent: Running): Promise<string> {
  return (await fetch(`${await adminUrl(agent)}/metrics`)).text()
}

/** Where HAProxy finds it, once it serves. */
export async function spopAddress(agent: Running) {
  const [, port] = await agent.wrote(/"port":(\d+)\}.*"listening"/)
  return { host: '127.0.0.1', port: Number(port) }
}

/** Waits until health checks have found each of these servers ("backend/server") up, or down. */
export async function found(
  haproxy: Haproxy,
  state: 'UP' | 'DOWN',
  servers: readonly string[],
): Promise<void> {
  await waitUntil(async () => {
    const checked = await checks(haproxy)
    return servers.every(server => checked.get(server)?.match(state === 'UP' ? /^UP L\dOK$/ : /^DOWN /))
  })
}

/** The state and last check result of every server, such as "UP L7OK". */
export async function checks(haproxy: Haproxy): Promise<Map<string, string>> {
  return new Map(
    (await statistics(haproxy)).map(({ pxname, svname, status, check_status }) => [
      `${pxname}/${svname}`,
      `${status} ${check_status?.replace('* ', '')}`,
    ]),
  )
}

/** An edit of haproxy.cfg: the first `timeout` of this name, that of `defaults clients` or `defaults pacs`, is `time`. */
export const timeout = (name: string, time: string) => (haproxyCfg: string) =>
  haproxyCfg.replace(new RegExp(`(?<=timeout ${name} +)\\w+`), time)

/** The text of pacs.cfg. */
export function pacsCfg(pools: BalancerOptions['pools']): string {
  return Object.entries(pools)
    .map(([pool, servers]) => {
      const lines = servers.map(
        ({ name, port, maxconn = 200, options = '' }) =>
          `    server ${name} 127.0.0.1:${port} maxconn ${maxconn} inter 500ms ${options}`,
      )
      return `backend ${pool} from pacs\n    balance hash var(txn.dicom.key)\n${lines.join('\n')}\n`
    })
    .join('\n')
}

function shipped(name: string): Promise<string> {
  return readFile(join(shippedFolder, name), 'utf8')
}
