import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { start } from '../../deploy/local/processes.ts'
import { withoutMeta } from '../support/dcmtk.ts'
import { waitUntil } from '../support/haproxy.ts'
import { freePort } from '../support/ports.ts'
import { digestOf } from '../support/steady-load.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const shipped = [
  ...['docker-compose.yml', '.env', '.dockerignore', 'package.json', 'package-lock.json'],
  ...['agent', 'haproxy', 'deploy'],
]
const LIMIT_MS = 60_000

export type Pool = 'ct' | 'mr' | 'general'

/** An instance, and the digest of its dataset. */
export interface Held {
  sopInstance: string
  digest: string
}

/** docker-compose.yml as it is shipped, in a copy of the project's folder, on free ports. */
export interface Stack {
  readonly folder: string
  readonly port: number
  readonly statsPort: number
  /** what `docker compose` with these arguments writes; it must succeed */
  compose(...args: string[]): Promise<string>
  /** the same of `docker` */
  docker(...args: string[]): Promise<string>
  /** what a shell command writes in a service's (first) container; it may fail */
  sh(service: string, command: string): Promise<string>
  /** the names of a service's containers */
  containers(service: string): Promise<string[]>
  /** resolves when HAProxy has so many agents up */
  agentsUp(count: number): Promise<void>
  /** resolves when HAProxy has the PACS nodes of all pools up */
  pacsUp(): Promise<void>
  /** the instances that the Orthanc of each pool has */
  held(): Promise<Record<Pool, Held[]>>
  /** one of HAProxy's metrics */
  metric(series: string): Promise<number>
  /** the answer of Prometheus's API */
  prometheus(path: string): Promise<unknown>
  /** everything that Docker has of this stack: containers, networks, volumes and images */
  left(): Promise<string[]>
  stop(): Promise<void>
}

export async function startStack(): Promise<Stack> {
  const folder = mkdtempSync(join(tmpdir(), 'compose-'))
  for (const name of shipped) {
    cpSync(join(root, name), join(folder, name), { recursive: true, verbatimSymlinks: true })
  }
  writeFileSync(join(folder, 'stats-password'), 'compose-test\n')
  const project = `dicom-compose-test-${process.pid}`
  const port = await freePort()
  const statsPort = await freePort()
  const prometheusPort = await freePort()
  const viewers = { ct: await freePort(), mr: await freePort(), general: await freePort() }
  const env = {
    COMPOSE_PROJECT_NAME: project,
    COMPOSE_PROFILES: 'demo,prometheus',
    DICOM_PUBLISH: `127.0.0.1:${port}`,
    STATS_PUBLISH: `127.0.0.1:${statsPort}`,
    PROMETHEUS_PUBLISH: `127.0.0.1:${prometheusPort}`,
    CT_PUBLISH: `127.0.0.1:${viewers.ct}`,
    MR_PUBLISH: `127.0.0.1:${viewers.mr}`,
    GENERAL_PUBLISH: `127.0.0.1:${viewers.general}`,
    STATS_PASSWORD_FILE: join(folder, 'stats-password'),
  }

  async function run(...args: string[]): Promise<{ code: number | string; output: string }> {
    const running = await start({ name: 'docker', command: ['docker', ...args], env })
    return { code: await running.ended, output: running.output() }
  }
  async function docker(...args: string[]): Promise<string> {
    const { code, output } = await run(...args)
    assert.equal(code, 0, `docker ${args.join(' ')}:\n${output}`)
    return output
  }
  const inFolder = ['compose', '--project-directory', folder]
  const compose = (...args: string[]) => docker(...inFolder, ...args)

  const metrics = async () => (await fetch(`http://127.0.0.1:${statsPort}/metrics`)).text()
  const metric = async (series: string) => {
    const line = (await metrics()).split('\n').find(line => line.startsWith(`${series} `))
    return Number(line?.slice(series.length))
  }
  const up = async (backend: string, count: number) =>
    (await metric(`haproxy_backend_active_servers{proxy="${backend}"}`)) === count
  /** Docker itself does not know all volumes by the project's name */
  const volumes = async () => {
    const ids = lines(await docker('ps', '-aq', '--filter', `label=com.docker.compose.project=${project}`))
    if (ids.length === 0) return []
    return lines(await docker('inspect', '-f', '{{range .Mounts}}{{println .Name}}{{end}}', ...ids))
  }
  let volumesBefore: string[] = []
  /** by where they are: what Orthanc has once does not change */
  const digests = new Map<string, string>()
  const digestAt = async (url: string) => {
    const digest =
      digests.get(url) ?? digestOf(withoutMeta(Buffer.from(await (await fetch(url)).arrayBuffer())))
    digests.set(url, digest)
    return digest
  }

  const stack: Stack = {
    folder,
    port,
    statsPort,
    compose,
    docker,
    sh: async (service, command) =>
      (await run(...inFolder, 'exec', '-T', service, 'bash', '-c', command)).output.trim(),
    containers: async service => lines(await compose('ps', '--format', '{{.Name}}', service)),
    agentsUp: async count => {
      await waitUntil(() => up('agents', count), undefined, LIMIT_MS)
    },
    pacsUp: async () => {
      const all = async () =>
        (await Promise.all(Object.keys(viewers).map(pool => up(pool, 1)))).every(Boolean)
      await waitUntil(all, undefined, LIMIT_MS)
    },
    async held() {
      const pools = Object.entries(viewers).map(async ([pool, viewer]) => {
        const url = `http://127.0.0.1:${viewer}/instances`
        const response = await fetch(`${url}?expand`)
        const instances = (await response.json()) as {
          ID: string
          MainDicomTags: { SOPInstanceUID: string }
        }[]
        const held: Held[] = []
        for (const { ID, MainDicomTags } of instances) {
          const digest = await digestAt(`${url}/${ID}/file`)
          held.push({ sopInstance: MainDicomTags.SOPInstanceUID, digest })
        }
        return [pool, held]
      })
      return Object.fromEntries(await Promise.all(pools))
    },
    metric,
    async prometheus(path) {
      const response = await fetch(`http://127.0.0.1:${prometheusPort}${path}`)
      return ((await response.json()) as { data: unknown }).data
    },
    async left() {
      const filter = ['--filter', `label=com.docker.compose.project=${project}`]
      const there = new Set(lines(await docker('volume', 'ls', '-q')))
      return [
        ...lines(await docker('ps', '-aq', ...filter)),
        ...lines(await docker('network', 'ls', '-q', ...filter)),
        ...lines(await docker('image', 'ls', '-q', ...filter)),
        ...volumesBefore.filter(volume => there.has(volume)),
      ]
    },
    async stop() {
      volumesBefore = await volumes()
      await compose('--profile', '*', 'down', '--volumes', '--remove-orphans', '--rmi', 'local')
      rmSync(folder, { recursive: true })
    },
  }
  try {
    await compose('up', '--detach', '--build', '--wait')
    await stack.agentsUp(2)
    await stack.pacsUp()
  } catch (error) {
    const log = await compose('logs', '--tail', '50').catch(String)
    await stack.stop()
    throw new Error(`the stack did not start:\n${log}`, { cause: error })
  }
  return stack
}

function lines(text: string): string[] {
  return text.split('\n').filter(line => line !== '')
}
