import { fileURLToPath } from 'node:url'
import { decodeAssociateRq, pduHeaderLength } from '../../agent/dicom/index.ts'
import { startBalancer } from '../support/balancer.ts'
import { startHaproxy } from '../support/haproxy.ts'
import { associateRq } from '../support/messages.ts'
import { associateAc } from '../support/pacs.ts'
import { freePort } from '../support/ports.ts'
import type { Rounds } from './figures.ts'
import type { Load } from './load.ts'
import { type Measurement, measure, type Watched } from './measure.ts'
import { startNginx } from './nginx.ts'
import { startBareAgent, startLoader, startSink } from './processes.ts'
import { inRounds } from './scale.ts'
import type { Start } from './started.ts'
import { holdOnly, partsOf } from './subjects.ts'
import { backend, engine } from './web.ts'

/** How associations can get from the load to the sink. */
export const wayNames = [
  'straight to the sink',
  'HAProxy, plain TCP',
  'nginx, stream',
  'nginx, stream with njs',
  'ours, direct',
  'ours, delayed',
  'ours, delayed, without the guard',
  'HAProxy, asking a bare agent',
  'HAProxy, binding late',
  'HAProxy, with a filter in Lua',
] as const

export type WayName = (typeof wayNames)[number]

/** Sends a load on one of these ways. */
export type Way = (load: WayLoad) => Promise<Measurement>

type WayLoad = Omit<Load, 'port' | 'calledAE'>

/** The called AE title that the rules know decides the way; all others wait for the dataset. */
const directAE = 'DIRECT'

const rules = `
pools: { ct: { maxPduLength: 131072 } }
rules:
  - { name: direct, when: { calledAE: ${directAE} }, route: ct }
  - { name: CT, when: { Modality: CT }, route: ct }
`

/** What keeps one client from taking the place of all others is not to be measured. */
export const noLimits = { SOURCE_ASSOCIATIONS: '100000', SOURCE_RATE: '10000000', WAITING: '100000' }

/** What is added to the lines of a plain HAProxy, and what files those name. */
interface Added {
  frontend?: string
  global?: string
  /** lines of the PACS's backend */
  pacs?: string
  backends?: string
  files?: Record<string, string>
  env?: Record<string, string>
}

/** As a site would write it that has one PACS; with the buffers and the splicing that carry bytes in haproxy.cfg, too. */
const plainTcp = (
  port: number,
  pacsPort: number,
  { frontend = '', global = '', pacs = '', backends = '' }: Added = {},
) => `
global
    log stdout format raw local0 info
    tune.bufsize 262144
    .if version_atleast(3.0)
    tune.memory.hot-size 4194304
    .endif
${global}defaults
    mode tcp
    log global
    option tcplog
    option splice-auto
    timeout connect 5s
    timeout client 1h
    timeout server 1h
frontend dicom
    bind 127.0.0.1:${port}${frontend}
    default_backend pacs
backend pacs${pacs}
    server pacs 127.0.0.1:${pacsPort} check
${backends}`

/** ... that waits for the A-ASSOCIATE-RQ and gives it to an agent, with whose answer it does nothing. */
const asking = (agentPort: number): Added => ({
  frontend: `
    filter spoe engine bare config {dir}/spoe.conf
    tcp-request inspect-delay 5s
    acl asked var(txn.bare.size) -m found
    tcp-request content send-spoe-group bare bare if !asked { req.payload_lv(2,4) -m found }
    tcp-request content reject unless asked`,
  backends: backend('agents', [agentPort]),
  files: { 'spoe.conf': engine('bare', 'agents', 'path=str(/) body=req.payload(0,0)') },
})

/** ... and then answers the client by itself, and gives the agent what that sends before the PACS is reached. */
function bindingLate(agentPort: number): Added {
  const once = asking(agentPort)
  const rq = decodeAssociateRq(associateRq({ callingAE: 'BENCH' }).subarray(pduHeaderLength))
  return {
    ...once,
    global: loading('binding-late.lua') + loading('hold-only.lua'),
    frontend: `${once.frontend}
    filter lua.bench_hold_only
    tcp-request content lua.bench_promise
    tcp-request content send-spoe-group bare bare`,
    pacs: `
    tcp-response inspect-delay 5s
    tcp-response content lua.bench_swallow`,
    env: { BENCH_PROMISE: associateAc(rq).toString('hex') },
  }
}

/** ... whose filter lets everything pass. */
const filtering: Added = {
  frontend: '\n    filter lua.bench_pass_all',
  global: loading('pass-all.lua'),
}

function loading(file: string): string {
  return `    lua-load-per-thread ${fileURLToPath(new URL(file, import.meta.url))}\n`
}

/** What can be routed by in nginx: the called AE title, in the bytes 10 to 25 of an A-ASSOCIATE-RQ (PS3.8 §9.3.2). */
const njs = `
let calledAE
function read(session) {
    session.on('upload', bytes => {
        if (bytes.length < 26) return
        calledAE = bytes.slice(10, 26).trim()
        session.done()
    })
}
const pool = () => calledAE === '${directAE}' ? 'ct' : 'others'
export default { read, pool }
`

/** All ways between one load and one sink, on this machine. */
export async function startWays(start: Start): Promise<Record<WayName, Way>> {
  const loader = await start(startLoader())
  const sink = await start(startSink())
  const product = {
    rules,
    pools: { ct: [{ name: 'CT', port: sink.port, maxconn: 10_000 }] },
    env: noLimits,
  }
  const balancer = await start(startBalancer(product))
  const unguarded = await start(startBalancer({ ...product, edit: holdOnly }))
  const bare = await start(startBareAgent())
  const way =
    (to: { port: number; calledAE?: string }, watched: Watched): Way =>
    load =>
      measure(loader, { ...load, ...to }, { sink: [sink.pid], ...watched })
  const plainWay = async (added: Added = {}, watched: Watched = {}): Promise<Way> => {
    const port = await freePort()
    const config = plainTcp(port, sink.port, added)
    const { files = {}, env = {} } = added
    const haproxy = await start(startHaproxy({ config, files, env }))
    return way({ port }, { HAProxy: [haproxy.pid], ...watched })
  }
  const nginx = await start(startNginx({ server: `proxy_pass 127.0.0.1:${sink.port};` }))
  const nginxWithNjs = await start(
    startNginx({
      server: 'js_preread route.read; proxy_pass $pool;',
      stream: `js_import route from route.js; js_set $pool route.pool; upstream ct { server 127.0.0.1:${sink.port}; }`,
      scripts: { 'route.js': njs },
    }),
  )

  return {
    'straight to the sink': way(sink, {}),
    'HAProxy, plain TCP': await plainWay(),
    'nginx, stream': way({ port: nginx.port }, { nginx: nginx.workers }),
    'nginx, stream with njs': way(
      { port: nginxWithNjs.port, calledAE: directAE },
      { nginx: nginxWithNjs.workers },
    ),
    'ours, direct': way({ port: balancer.port, calledAE: directAE }, partsOf(balancer)),
    'ours, delayed': way({ port: balancer.port }, partsOf(balancer)),
    'ours, delayed, without the guard': way({ port: unguarded.port }, partsOf(unguarded)),
    'HAProxy, asking a bare agent': await plainWay(asking(bare.port), { agents: [bare.pid] }),
    'HAProxy, binding late': await plainWay(bindingLate(bare.port), { agents: [bare.pid] }),
    'HAProxy, with a filter in Lua': await plainWay(filtering),
  }
}

/** What `summary` tells of this load on each way. */
export function measureWays<T>(
  ways: Readonly<Record<WayName, Way>>,
  names: readonly WayName[],
  title: string,
  load: WayLoad,
  summary: (measurement: Measurement) => T,
): Promise<Rounds<WayName, T>> {
  const variants = Object.fromEntries(
    names.map(name => [name, async () => summary(await ways[name](load))]),
  ) as Record<WayName, () => Promise<T>>
  return inRounds(title, variants)
}
