import { fileURLToPath } from 'node:url'
import { type Balancer, startBalancer } from '../support/balancer.ts'
import type { Shape } from './instances.ts'
import { type Measurement, measure, type Watched } from './measure.ts'
import { startLoader, startSink } from './processes.ts'

/** The line of haproxy.cfg that stands for the guard. */
const guardLine = 'filter lua.dicom_guard'

const rules = `
pools: { ct: { maxPduLength: 131072 } }
rules: [{ name: CT, when: { Modality: CT }, route: ct }]
`

/** Measures one association of this shape. */
export type Subject = (shape: Shape) => Promise<Measurement>

export interface Subjects {
  /** through the product */
  withGuard: Subject
  /** through the product, whose filter only holds P-DATA until the PACS has accepted */
  withoutGuard: Subject
  /** from the load to the sink: what the two could do with an infinitely fast balancer */
  straight: Subject
  stop(): Promise<void>
}

/** A load, a sink, and what can stand between them, all on this machine. */
export async function startSubjects(): Promise<Subjects> {
  const loader = startLoader()
  const sink = await startSink()
  const balancers = await startBalancers(sink.port)
  const association =
    (port: number, watched: Watched): Subject =>
    shape =>
      measure(loader, { ...shape, port, associations: 1, parallel: 1 }, { sink: [sink.pid], ...watched })
  const through = (balancer: Balancer) => association(balancer.port, partsOf(balancer))
  return {
    withGuard: through(balancers.withGuard),
    withoutGuard: through(balancers.withoutGuard),
    straight: association(sink.port, {}),
    async stop() {
      await balancers.stop()
      await Promise.all([loader.stop(), sink.stop()])
    },
  }
}

/** What is watched of the product. */
export const partsOf = ({ haproxy, agents }: Balancer): Watched => ({
  HAProxy: [haproxy.pid],
  agents: agents.map(({ pid }) => pid),
})

/** The product, and the product whose filter only holds P-DATA until the PACS has accepted, before the same PACS. */
export async function startBalancers(pacsPort: number, host = '127.0.0.1') {
  const pools = { ct: [{ name: 'CT', port: pacsPort }] }
  const withGuard = await startBalancer({ rules, pools, host })
  const withoutGuard = await startBalancer({ rules, pools, host, edit: holdOnly })
  const stop = async () => {
    await withGuard.stop()
    await withoutGuard.stop()
  }
  return { withGuard, withoutGuard, stop }
}

/** Takes the guard out of haproxy.cfg: its place has a filter that only holds P-DATA until the PACS has accepted. */
export function holdOnly(haproxyCfg: string): string {
  const loadLine = 'lua-load-per-thread dicom.lua'
  const file = fileURLToPath(new URL('hold-only.lua', import.meta.url))
  for (const line of [guardLine, loadLine])
    if (!haproxyCfg.includes(`${line}\n`)) throw new Error(`haproxy.cfg has no line "${line}" to replace`)
  return haproxyCfg
    .replace(guardLine, 'filter lua.bench_hold_only')
    .replace(loadLine, () => `${loadLine}\n    lua-load-per-thread ${file}`)
}
