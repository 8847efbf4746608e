// What an association needs of HAProxy and of an agent: `make bench-sizing`. docs/scaling.md tells what came of it.
import { PduType } from '../../agent/dicom/index.ts'
import { startBalancer } from '../support/balancer.ts'
import { associateRq, image, storeRq } from '../support/messages.ts'
import { Peer } from '../support/peer.ts'
import { measure } from './measure.ts'
import { memoryOf } from './memory.ts'
import { type Loader, startLoader, startSink } from './processes.ts'
import { type Line, type Part, progress, report } from './report.ts'
import { interleave } from './rounds.ts'
import { type Start, withStarted } from './started.ts'

/** At once, for their memory: fewer than what may wait (WAITING). */
const held = 800
/** In a row, for their time. */
const counted = 2000
const shape = { instances: 1, studies: 1, size: 20 * 1024, pduLength: 16 * 1024 }

const rulesOf = {
  delayed: 'rules: [{ name: CT, when: { Modality: CT }, route: ct }]\n',
  direct: 'rules: [{ name: all, when: { callingAE: "*" }, route: ct }]\n',
}

function startOne(path: keyof typeof rulesOf, port: number) {
  const pools = { ct: [{ name: 'CT', port, maxconn: 2 * held }] }
  // all come from one address
  return startBalancer({ rules: rulesOf[path], pools, agents: 1, env: { SOURCE_RATE: '1000000' } })
}

async function associated(port: number): Promise<Peer> {
  const peer = await Peer.connect(port)
  peer.send(associateRq())
  await received(peer, PduType.associateAc)
  return peer
}

async function stored(peer: Peer): Promise<Peer> {
  peer.send(storeRq(image({ modality: 'CT', size: shape.size })))
  await received(peer, PduType.pData)
  return peer
}

async function received(peer: Peer, type: number): Promise<void> {
  const pdu = await peer.receive()
  if (pdu?.type !== type) throw new Error(`a PDU of type ${pdu?.type} came, not ${type}`)
}

/** KB of HAProxy for each of many associations that have come as far as `open` takes them, and before there is any. */
function memory(path: keyof typeof rulesOf, pacs: number, open: (port: number) => Promise<Peer>) {
  return withStarted(async start => {
    const { port, haproxy } = await start(startOne(path, pacs))
    const before = memoryOf(haproxy.pid)
    const peers: Peer[] = []
    for (let n = 0; n < held; n++) peers.push(await open(port))
    const each = (memoryOf(haproxy.pid) - before) / held
    for (const peer of peers) peer.close()
    return { before, each }
  })
}

async function memories(pacs: number): Promise<Part> {
  const title = 'memory'
  const states = {
    'delayed, before its first dataset': () => memory('delayed', pacs, associated),
    'delayed, idle after it': () => memory('delayed', pacs, async port => stored(await associated(port))),
    'direct, idle after an instance': () =>
      memory('direct', pacs, async port => stored(await associated(port))),
  }
  const measured = await interleave(5, states, progress(title, 5))
  const names = Object.keys(states) as (keyof typeof states)[]
  const lines: Line[] = names.map(state => ({
    label: `KB of HAProxy for an association: ${state}`,
    numbers: measured.map(round => round[state].each),
    digits: 0,
  }))
  const before = measured.flatMap(round => names.map(state => round[state].before / 1024))
  return {
    title,
    measured: [],
    lines: [...lines, { label: 'MB of HAProxy without any', numbers: before, digits: 0 }],
  }
}

async function times(start: Start, pacs: number, loader: Loader): Promise<Part> {
  const title = 'time'
  const balancers = {
    delayed: await start(startOne('delayed', pacs)),
    direct: await start(startOne('direct', pacs)),
  }
  const ofAgent = () => memoryOf(balancers.delayed.agents[0]?.pid ?? 0) / 1024
  const through = (path: keyof typeof balancers) => () => {
    const { port, haproxy, agents } = balancers[path]
    const watched = { HAProxy: [haproxy.pid], 'an agent': agents.map(({ pid }) => pid) }
    return measure(loader, { ...shape, port, associations: counted, parallel: 8 }, watched)
  }
  const before = ofAgent()
  const variants = { delayed: through('delayed'), direct: through('direct') }
  const measured = await interleave(10, variants, progress(title, 10))
  const after = ofAgent()
  const lines = (['delayed', 'direct'] as const).flatMap(path =>
    ['HAProxy', 'an agent'].map(
      (name): Line => ({
        label: `${path} associations of 20 KB for a second of a core: ${name}`,
        numbers: measured.map(round => counted / ((round[path].cpuOf[name] ?? Number.NaN) / 1000)),
        digits: 0,
      }),
    ),
  )
  lines.push(
    { label: 'MB of an agent at its start', numbers: [before], digits: 0 },
    { label: `MB of an agent after ${10 * counted} associations`, numbers: [after], digits: 0 },
  )
  return { title, measured: [], lines }
}

await withStarted(async start => {
  const sink = await start(startSink())
  const loader = await start(startLoader())
  report('sizing', [await memories(sink.port), await times(start, sink.port, loader)])
})
