// haproxy-spoe alone: what an agent answers, beside a bare one that does no more than it must.
import { HELLO_ITEMS, SpopPeer } from '../haproxy-spoe/spop-peer.ts'
import { cpuOf } from './cpu.ts'
import { elsewhereIn, figure, type Rounds, ratio } from './figures.ts'
import { type Usage, watch } from './measure.ts'
import { memoryOf } from './memory.ts'
import type { Goal, Section, Table } from './page.ts'
import { type Listener, startBareAgent, startSpoeAgent, startSpopLoader } from './processes.ts'
import { inRounds, scaled } from './scale.ts'
import type { SpopLoad, SpopResult } from './spop-load.ts'
import { type Start, withStarted } from './started.ts'
import { startWeb, type WrkResult, wrk } from './web.ts'

const how = `
An agent gets a message of four arguments, of which it reads three, and sets two variables. The bare agent
(test/bench/bare-agent.ts) is one file with a hand-written cursor, which checks nothing and writes each ACK by itself; in batches, it
writes all answers to what one read has brought at once, as haproxy-spoe does: the most that can be had. An agent is one thread.

"Raw" is a client of our own, a process with one thread, that keeps so many NOTIFYs in flight; milliseconds are from the NOTIFY to its
ACK. "Through HAProxy", one thread of it asks about each request of wrk, over 64 connections, and answers it by itself; CPU is for
each request. HAProxy, wrk and the agents share the cores: more agents than cores are in each other's way.`

/** Agents by the names of the tables. */
type Agents = Readonly<Record<'bare agent' | 'bare agent, in batches' | 'haproxy-spoe', Listener>>
type AgentName = keyof Agents

export function spoe(): Promise<Section> {
  return withStarted(async start => {
    const agents = {
      'bare agent': await start(startBareAgent()),
      'bare agent, in batches': await start(startBareAgent('batch')),
      'haproxy-spoe': await start(startSpoeAgent()),
    }
    const raws = await raw(start, agents)
    const throughs = await through(start, agents)
    return {
      title: 'haproxy-spoe alone',
      how,
      tables: [...raws.tables, ...throughs.tables, await perConnection(), await flat(agents['haproxy-spoe'])],
      goals: [...raws.goals, ...throughs.goals],
      elsewhere: raws.elsewhere,
    }
  })
}

// ---- Raw

const rawLoads: Readonly<Record<string, Omit<SpopLoad, 'port'>>> = {
  '300 B, 32 in flight on one connection': { connections: 1, window: 32, frames: 200_000, size: 300 },
  '300 B, one in flight on one connection': { connections: 1, window: 1, frames: 20_000, size: 300 },
  '300 B, 8 in flight on each of 8 connections': { connections: 8, window: 8, frames: 25_000, size: 300 },
  '16 KB, 8 in flight on one connection': { connections: 1, window: 8, frames: 40_000, size: 16_384 },
}

async function raw(start: Start, agents: Agents) {
  const loader = await start(startSpopLoader())
  const tables: Table[] = []
  const goals: Goal[] = []
  const elsewhere: number[] = []
  for (const [title, load] of Object.entries(rawLoads)) {
    const run = ({ port, pid }: Listener) => {
      const frames = scaled(load.frames, 1_000)
      return watch({ agent: [pid] }, () => loader.run({ ...load, frames, port }))
    }
    const rounds: Rounds<AgentName, SpopResult & Usage> = await inRounds(
      title,
      byAgent(agents, name => run(agents[name])),
    )
    const sent = load.connections * scaled(load.frames, 1_000)
    const perSecond = (name: AgentName) => figure(rounds, name, ({ elapsed }) => (sent / elapsed) * 1000, 0)
    tables.push({
      caption: `Raw, ${title}`,
      columns: ['NOTIFY/s', 'CPU, µs', 'ms p50', 'ms p99', 'ms p99.9'],
      rows: names(agents).map(name => ({
        name,
        cells: [
          perSecond(name),
          figure(rounds, name, ({ cpuOf: { agent = Number.NaN } }) => (agent / sent) * 1000, 1),
          ...[0, 1, 2].map(share => figure(rounds, name, ({ latency }) => latency[share] ?? Number.NaN, 3)),
        ],
      })),
    })
    if (load.window === 32)
      goals.push({
        goal: `haproxy-spoe, raw NOTIFY/s, ${title}`,
        must: 'at least',
        be: 60_000,
        figure: perSecond('haproxy-spoe'),
      })
    elsewhere.push(...elsewhereIn(rounds))
  }
  return { tables, goals, elsewhere }
}

const names = (agents: Agents) => Object.keys(agents) as AgentName[]

const byAgent = <T>(agents: Agents, of: (name: AgentName) => Promise<T>) =>
  Object.fromEntries(names(agents).map(name => [name, () => of(name)])) as Record<AgentName, () => Promise<T>>

// ---- Through HAProxy

const sizes = { '300 B': 300, '16 KB': 16_384 }

async function through(start: Start, agents: Agents) {
  const several = [agents['haproxy-spoe']]
  while (several.length < 4) several.push(await start(startSpoeAgent()))
  const ways: Record<string, Listener[]> = {
    'nobody asked': [],
    ...Object.fromEntries(Object.entries(agents).map(([name, agent]) => [name, [agent]])),
    'haproxy-spoe, two agents': several.slice(0, 2),
    'haproxy-spoe, four agents': several,
  }
  const ports = Object.fromEntries(
    Object.entries(ways).map(([way, listeners]) => [way, listeners.map(({ port }) => port)]),
  )
  const web = await start(startWeb(ports, Object.values(sizes)))
  const tables: Table[] = []
  const goals: Goal[] = []
  for (const [title, size] of Object.entries(sizes)) {
    const variants = Object.fromEntries(
      Object.entries(ways).map(([way, listeners]) => {
        const pids = listeners.map(({ pid }) => pid)
        return [way, () => asking(web.url(way, size), pids, web.haproxy.pid)]
      }),
    )
    const rounds: Rounds<string, Asked> = await inRounds(`wrk, ${title}`, variants)
    const toBare = (way: string) => ratio(rounds, way, 'bare agent', ({ perSecond }) => perSecond)
    tables.push({
      caption: `Through HAProxy, ${title}`,
      columns: ['requests/s', 'to the bare agent', 'ms p50', 'ms p99', 'agent CPU, µs', 'HAProxy CPU, µs'],
      rows: Object.keys(ways).map(way => ({
        name: way,
        cells: [
          figure(rounds, way, ({ perSecond }) => perSecond, 0),
          toBare(way),
          figure(rounds, way, ({ latency: [p50] }) => p50, 2),
          figure(rounds, way, ({ latency: [, p99] }) => p99, 2),
          figure(rounds, way, ({ agentCpu }) => agentCpu, 1),
          figure(rounds, way, ({ haproxyCpu }) => haproxyCpu, 1),
        ],
      })),
    })
    goals.push({
      goal: `haproxy-spoe through HAProxy, ${title}: requests/s to the bare agent`,
      must: 'at least',
      be: 1.1,
      figure: toBare('haproxy-spoe'),
      limit: toBare('bare agent, in batches'),
    })
  }
  return { tables, goals }
}

interface Asked extends WrkResult {
  /** microseconds for each request */
  agentCpu: number
  haproxyCpu: number
}

async function asking(url: string, agents: readonly number[], haproxy: number): Promise<Asked> {
  const used = () => [cpuOf(agents), cpuOf([haproxy])] as const
  const before = used()
  const result = await wrk(url, 64, scaled(2, 1))
  const after = used()
  const each = (index: 0 | 1) => ((after[index] - before[index]) / result.requests) * 1000
  return { ...result, agentCpu: each(0), haproxyCpu: each(1) }
}

// ---- Memory

/** What idle connections of HAProxy cost an agent that has had few. */
function perConnection(): Promise<Table> {
  return withStarted(async start => {
    const cost = async ({ pid, port }: Listener) => {
      const peers: SpopPeer[] = []
      const open = async (count: number) => {
        while (peers.length < count) peers.push(await SpopPeer.open({ port, host: '127.0.0.1' }, HELLO_ITEMS))
        return memoryOf(pid)
      }
      const few = await open(100)
      const numbers = [((await open(2_100)) - few) / 2_000]
      for (const peer of peers) peer.close()
      return { numbers, digits: 1 }
    }
    return {
      caption: 'Memory for each idle connection, by 2,000 of them',
      columns: ['KB'],
      rows: [
        { name: 'bare agent', cells: [await cost(await start(startBareAgent()))] },
        { name: 'haproxy-spoe', cells: [await cost(await start(startSpoeAgent()))] },
      ],
    }
  })
}

/** Whether memory stays what it is, over a million frames more. */
function flat({ pid, port }: Listener): Promise<Table> {
  return withStarted(async start => {
    const loader = await start(startSpopLoader())
    const cells = [{ numbers: [memoryOf(pid) / 1024], digits: 0 }]
    for (let step = 0; step < 4; step++) {
      const frames = scaled(250_000, 1_000)
      await loader.run({ port, connections: 1, window: 32, frames, size: 300 })
      cells.push({ numbers: [memoryOf(pid) / 1024], digits: 0 })
    }
    return {
      caption: 'Memory of an agent that has answered all of the above, and then a million NOTIFYs more',
      columns: ['MB before', 'after 250,000', '500,000', '750,000', '1,000,000'],
      rows: [{ name: 'haproxy-spoe', cells }],
    }
  })
}
