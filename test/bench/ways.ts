import { startBalancer } from '../support/balancer.ts'
import { startHaproxy } from '../support/haproxy.ts'
import { freePort } from '../support/ports.ts'
import type { Rounds } from './figures.ts'
import type { Load } from './load.ts'
import { type Measurement, measure, type Watched } from './measure.ts'
import { startNginx } from './nginx.ts'
import { startLoader, startSink } from './processes.ts'
import { progress } from './report.ts'
import { interleave } from './rounds.ts'
import type { Start } from './started.ts'

/** How associations can get from the load to the sink. */
export const wayNames = [
  'straight to the sink',
  'HAProxy, plain TCP',
  'nginx, stream',
  'ours, direct',
  'ours, delayed',
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

/** As a site would write it that has one PACS; with the buffers and the splicing that carry bytes in haproxy.cfg, too. */
const plainTcp = (port: number, pacsPort: number) => `
global
    log stdout format raw local0 info
    tune.bufsize 262144
defaults
    mode tcp
    log global
    option tcplog
    option splice-auto
    timeout connect 5s
    timeout client 1h
    timeout server 1h
frontend dicom
    bind 127.0.0.1:${port}
    default_backend pacs
backend pacs
    server pacs 127.0.0.1:${pacsPort} check
`

/** All ways between one load and one sink, on this machine. */
export async function startWays(start: Start): Promise<Record<WayName, Way>> {
  const loader = await start(startLoader())
  const sink = await start(startSink())
  const balancer = await start(
    startBalancer({
      rules,
      pools: { ct: [{ name: 'CT', port: sink.port, maxconn: 10_000 }] },
      env: noLimits,
    }),
  )
  const port = await freePort()
  const haproxy = await start(startHaproxy({ config: plainTcp(port, sink.port) }))
  const nginx = await start(startNginx({ server: `proxy_pass 127.0.0.1:${sink.port};` }))

  const way =
    (to: { port: number; calledAE?: string }, watched: Watched): Way =>
    load =>
      measure(loader, { ...load, ...to }, { sink: [sink.pid], ...watched })
  const ours = { HAProxy: [balancer.haproxy.pid], agents: balancer.agents.map(({ pid }) => pid) }
  return {
    'straight to the sink': way(sink, {}),
    'HAProxy, plain TCP': way({ port }, { HAProxy: [haproxy.pid] }),
    'nginx, stream': way({ port: nginx.port }, { nginx: nginx.workers }),
    'ours, direct': way({ port: balancer.port, calledAE: directAE }, ours),
    'ours, delayed': way({ port: balancer.port }, ours),
  }
}

/** What `summary` tells of this load on each way, in so many rounds. */
export async function measureWays<T>(
  ways: Readonly<Record<WayName, Way>>,
  title: string,
  rounds: number,
  load: WayLoad,
  summary: (measurement: Measurement) => T,
): Promise<Rounds<WayName, T>> {
  const variants = Object.fromEntries(
    wayNames.map(name => [name, async () => summary(await ways[name](load))]),
  ) as Record<WayName, () => Promise<T>>
  return interleave(rounds, variants, progress(title, rounds))
}
