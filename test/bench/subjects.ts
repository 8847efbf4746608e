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
  const balancers: Balancer[] = []
  async function stop(): Promise<void> {
    for (const balancer of balancers) await balancer.stop()
    await Promise.all([loader.stop(), sink.stop()])
  }

  async function through(edit: (haproxyCfg: string) => string): Promise<Subject> {
    const pools = { ct: [{ name: 'CT', port: sink.port }] }
    const balancer = await startBalancer({ rules, pools, edit })
    balancers.push(balancer)
    const agents = balancer.agents.map(({ pid }) => pid)
    return association(balancer.port, { HAProxy: [balancer.haproxy.pid], agents })
  }
  const association =
    (port: number, watched: Watched): Subject =>
    shape =>
      measure(loader, { ...shape, port, associations: 1, parallel: 1 }, { sink: [sink.pid], ...watched })

  try {
    return {
      withGuard: await through(haproxyCfg => haproxyCfg),
      withoutGuard: await through(holdOnly),
      straight: association(sink.port, {}),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

function holdOnly(haproxyCfg: string): string {
  const loadLine = 'lua-load-per-thread dicom.lua'
  const file = fileURLToPath(new URL('hold-only.lua', import.meta.url))
  for (const line of [guardLine, loadLine])
    if (!haproxyCfg.includes(`${line}\n`)) throw new Error(`haproxy.cfg has no line "${line}" to replace`)
  return haproxyCfg
    .replace(guardLine, 'filter lua.bench_hold_only')
    .replace(loadLine, () => `${loadLine}\n    lua-load-per-thread ${file}`)
}
