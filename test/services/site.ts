import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Balancer, startBalancer } from '../support/balancer.ts'
import { type AfterAction, startDcmjsScp } from '../support/dcmjs.ts'
import { startDcmqrscp, startScp, startStorescp } from '../support/dcmtk.ts'
import { startOrthanc } from '../support/orthanc.ts'
import { freePort } from '../support/ports.ts'
import { printer } from './printer.ts'
import { found, writeWorklist } from './worklist.ts'

/** A PACS of docs/conformance.md. */
export interface Node {
  /** its AE title and, in small letters, its pool */
  title: string
  port: number
  /** how many instances it holds, or requests it has got */
  count(): Promise<number>
  /** of a program: when it has ended */
  ended?: Promise<unknown>
  stop(): Promise<void> | void
}

/** PACS, each the one node of a pool, behind a balancer that goes by the called AE title. */
export interface Site {
  /** where the tests may write */
  folder: string
  balancer: Balancer
  node(name: string): Node
  stop(): Promise<void>
}

export interface SiteOptions {
  /** PACS that are there, too, by name */
  also?: readonly string[]
  /** further nodes behind the balancer: ports by AE title */
  others?: Readonly<Record<string, number>>
  /** nodes that the PACS know, by AE title: on these ports, or behind the balancer */
  known?: Readonly<Record<string, number | 'balancer'>>
  /** how the node of dcmjs-dimse goes on after its response to an N-ACTION */
  afterAction?: (site: Site) => AfterAction
}

interface Ground {
  folder: string
  known: Readonly<Record<string, number>>
  afterAction: AfterAction
}

const starts: Readonly<Record<string, (ground: Ground) => Promise<Node>>> = {
  async storescp({ folder }) {
    return { title: 'STORESCP', ...(await startStorescp(folder)), count: () => files(folder, '') }
  },
  async dcmqrscp({ folder, known }) {
    return { title: 'ARCHIVE', ...(await startDcmqrscp(folder, known)), count: () => files(folder, 'CT') }
  },
  async Orthanc({ folder, known }) {
    const port = await freePort()
    await writeWorklist(join(folder, 'worklist.wl'))
    const modalities = Object.entries(known).map(([title, at]) => [title, [title, '127.0.0.1', at]])
    const orthanc = await startOrthanc([], {
      DicomServerEnabled: true,
      DicomPort: port,
      DicomAet: 'ORTHANC',
      DicomAlwaysAllowFind: true,
      DicomAlwaysAllowFindWorklist: true,
      DicomAlwaysAllowGet: true,
      DicomAlwaysAllowMove: true,
      DicomModalities: Object.fromEntries(modalities),
      Plugins: ['/usr/share/orthanc/plugins/libModalityWorklists.so'],
      Worklists: { Enable: true, Database: folder },
    })
    const statistics = async () => (await orthanc.ask('/statistics')) as { CountInstances: number }
    return {
      title: 'ORTHANC',
      port,
      count: async () => (await statistics()).CountInstances,
      stop: orthanc.stop,
    }
  },
  async wlmscpfs({ folder }) {
    await mkdir(join(folder, 'WLMSCPFS'))
    await writeFile(join(folder, 'WLMSCPFS', 'lockfile'), '')
    await writeWorklist(join(folder, 'WLMSCPFS', 'worklist.wl'))
    const scp = await startScp(port => ['wlmscpfs', '-dfp', folder, String(port)])
    return { title: 'WLMSCPFS', ...scp, count: async () => 0 }
  },
  async dcmprscp({ folder }) {
    const scp = await startScp(async port => {
      const file = await printer(folder, { type: 'LOCALPRINTER', title: 'DCMPRSCP', port })
      return ['dcmprscp', '--config', file, '--printer', 'PRINTER']
    })
    return { title: 'DCMPRSCP', ...scp, count: () => files(join(folder, 'database'), 'SP_') }
  },
  async odil() {
    const script = fileURLToPath(new URL('odil-scp.py', import.meta.url))
    const scp = await startScp(port => ['/usr/bin/python3', script, String(port)])
    return { title: 'ODIL', ...scp, count: async () => scp.output().match(/^N-/gm)?.length ?? 0 }
  },
  async 'dcmjs-dimse'({ afterAction }) {
    const { requests, ...scp } = await startDcmjsScp({ found: [found], afterAction })
    return { title: 'DCMJS', ...scp, count: async () => requests.length }
  },
}

export async function startSite(
  names: readonly string[],
  { also = [], others = {}, known = {}, afterAction = () => () => {} }: SiteOptions = {},
): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), 'services-'))
  const port = await freePort()
  const nodes = new Map<string, Node>()
  const site = { folder, node: (name: string) => nodes.get(name) as Node } as Site
  site.stop = async () => {
    await site.balancer?.stop()
    for (const node of nodes.values()) await node.stop()
    await rm(folder, { recursive: true })
  }
  try {
    const ports = Object.entries(known).map(([title, at]) => [title, at === 'balancer' ? port : at])
    for (const name of new Set([...names, ...also])) {
      const own = join(folder, name)
      await mkdir(own)
      const start = starts[name]
      if (!start) throw new Error(`docs/conformance.md: no such PACS: ${name}`)
      const ground = { folder: own, known: Object.fromEntries(ports), afterAction: afterAction(site) }
      nodes.set(name, await start(ground))
    }
    const pools = [...nodes.values(), ...Object.entries(others).map(([title, at]) => ({ title, port: at }))]
    site.balancer = await startBalancer({
      port,
      rules: `rules:\n${pools.map(({ title }) => rulesFor(title)).join('')}`,
      pools: Object.fromEntries(
        pools.map(({ title, port: at }) => [poolOf(title), [{ name: title, port: at }]]),
      ),
    })
  } catch (error) {
    await site.stop()
    throw error
  }
  return site
}

export const poolOf = (title: string): string => title.toLowerCase()

/** By tags for some clients, what the archives move among them; for all others by the association alone. */
function rulesFor(title: string): string {
  const pool = poolOf(title)
  const delayed = `{ calledAE: ${title}, callingAE: ["DELAYED*", ARCHIVE, ORTHANC], StudyInstanceUID: "*" }`
  return `  - { name: ${pool} by tag, when: ${delayed}, route: ${pool} }
  - { name: ${pool}, when: { calledAE: ${title} }, route: ${pool} }
`
}

async function files(folder: string, prefix: string): Promise<number> {
  return (await readdir(folder)).filter(name => name.startsWith(prefix)).length
}
