// `make soak`: an hour of mixed load, hostile PACS nodes and clients, and faults, and two minutes without any agent; then whether
// each instance is where its client was told, and what HAProxy and the agents are like when all has come to rest. SOAK_MINUTES for
// another time.

import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuOf } from '../bench/cpu.ts'
import { memoryOf } from '../bench/memory.ts'
import { statistics, waitUntil } from '../support/haproxy.ts'
import { Ledger } from '../support/ledger.ts'
import { generator } from '../support/mixed.ts'
import { mutatedClients } from './mutated-clients.ts'
import { abandon, type Client, idle, mistaken, mixed, straight, venture, verify } from './soak-clients.ts'
import { startSoak } from './soak-site.ts'
import { wrongMoments } from './wrong-moments.ts'

const minutes = Number(process.env.SOAK_MINUTES ?? 60)
/** so many times mixed load, and then hostile clients alone, of whose instances each is looked for */
const rounds = 6
/** of each of their streams, in a round: 10,000 in an hour */
const mutations = Math.ceil(((10_000 / rounds) * minutes) / 60)
const clients = 6
/** MB of HAProxy or an agent that may come and go. */
const slack = 50

const site = await startSoak()
const { balancer } = site
const processes = {
  HAProxy: balancer.haproxy.pid,
  agent1: balancer.agents[0]?.pid ?? 0,
  agent2: balancer.agents[1]?.pid ?? 0,
}
type Megabytes = Record<keyof typeof processes, number>

/** Clients by the share of the load at which theirs begins. */
type Kinds = readonly (readonly [from: number, name: string, client: Client])[]

const memory: Megabytes[] = []
const counts: Record<string, number> = {}
const ledger = new Ledger()
const ofStart = balancer.haproxy.log().length
/** the most of a core that HAProxy has taken for some seconds */
let busiest = 0

try {
  const kinds: Kinds = [
    [0, 'mixed', mixed(await straight(balancer.port, ledger, 'STRAIGHT'))],
    [0.5, 'verified', verify],
    [0.6, 'abandoned', abandon],
    [0.75, 'idle', idle],
    [0.8, 'ventured', venture],
    [0.9, 'mistaken', mistaken],
  ]
  const undemanding: Kinds = [
    [0, 'abandoned', abandon],
    [0.5, 'idle', idle],
    [0.6, 'ventured', venture],
  ]
  let started = 0
  const load = (isOver: () => boolean, those = kinds, length = clients) =>
    Promise.all(Array.from({ length }, () => client(started++, isOver, those)))
  let isEnding = false
  const watched = watchProcessor(() => isEnding)
  for (let round = 0; round < rounds; round++) {
    const isOver = after((minutes * 60) / rounds)
    await Promise.all([watch(isOver), site.disturb(isOver), load(isOver)])
    await allHaveGone()
    site.forget()
    await mutatedClients(site.wild, mutations, round * mutations)
    await wrongMoments(site.wild)
  }
  for (const how of ['hanging', 'gone'] as const) {
    await site.withoutAgents(how, () => load(after(minutes), undemanding, 5 * clients))
    await load(after(minutes / 10))
  }
  isEnding = true
  await watched
  await comesToRest()
} finally {
  await site.stop()
}

async function client(index: number, isOver: () => boolean, kinds: Kinds): Promise<void> {
  for (let round = 0; !isOver(); round++) {
    const seed = index * 1_000_000 + round
    const random = generator(seed)
    const share = random()
    const [, name, act] = kinds.findLast(([from]) => from <= share) ?? assert.fail()
    await act(balancer.port, ledger, `S${seed}`, random)
    counts[name] = (counts[name] ?? 0) + 1
    await sleep(100 * random())
  }
}

/** Settles what is told, and notes what is used, sixty times. */
async function watch(isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await sleep(minutes * 1000)
    ledger.settle(site.nodes)
    site.forget()
    memory.push(memoryNow())
    if (memory.length % 10 === 0)
      console.log(JSON.stringify({ ...counts, told: ledger.counts, MB: memory.at(-1) }))
  }
}

/** Of each few seconds, how much of a core HAProxy takes: one that goes round and round takes all of it. */
async function watchProcessor(isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const [start, used] = [performance.now(), cpuSeconds()]
    await sleep(3000)
    busiest = Math.max(busiest, (1000 * (cpuSeconds() - used)) / (performance.now() - start))
  }
}

/** Tells whether so many seconds have passed. */
function after(seconds: number): () => boolean {
  const end = performance.now() + 1000 * seconds
  return () => performance.now() > end
}

async function comesToRest(): Promise<void> {
  await allHaveGone()
  const told = ledger.close(site.nodes)
  await sleep(5000)
  const used = cpuSeconds()
  await sleep(10_000)
  const idle = (cpuSeconds() - used) / 10
  const info = await balancer.haproxy.command('show info')
  const warnings =
    balancer.haproxy
      .log()
      .slice(ofStart)
      .match(/^\[(WARNING|ALERT|alert|warning)\].*|.*Lua .*: .*error.*/gm) ?? []
  const unexpected = warnings.filter(
    line => !/default password|tune.lua.bool|UP|DOWN|'agents' has no server/.test(line),
  )
  const quarter = Math.floor(memory.length / 4)
  const [second, last] = [memory.slice(quarter, 2 * quarter), memory.slice(-quarter)].map(most)
  console.log({
    ...counts,
    told,
    version: info.match(/^Version: (.*)$/m)?.[1],
    'CPU at most': percent(busiest),
    'CPU when idle again': percent(idle),
    'MB at most, in the second and in the last quarter': [second, last],
    'worker, up for': [info.match(/^Pid: (.*)$/m)?.[1], info.match(/^Uptime: (.*)$/m)?.[1]],
    warnings: warnings.length,
    unexpected,
  })
  assert.equal(Number(info.match(/^Pid: (.*)$/m)?.[1]), balancer.haproxy.pid)
  assert.ok(busiest < 0.9, 'HAProxy has taken a core for itself')
  assert.ok(idle < 0.05, 'HAProxy does not come to rest')
  assert.deepEqual(unexpected, [])
  for (const name of Object.keys(processes) as (keyof typeof processes)[])
    assert.ok((last?.[name] ?? 0) <= (second?.[name] ?? 0) + slack, `${name} takes more and more memory`)
}

/** Waits until HAProxy has no association any more, of clients or PACS nodes. */
async function allHaveGone(): Promise<void> {
  const proxies = ['dicom', ...Object.keys(site.nodes)]
  const haveGone = async () =>
    (await statistics(balancer.haproxy)).every(
      ({ pxname = '', scur }) => !proxies.includes(pxname) || Number(scur) === 0,
    )
  await waitUntil(haveGone, undefined, 120_000)
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

function cpuSeconds(): number {
  return cpuOf([processes.HAProxy]) / 1000
}

function memoryNow(): Megabytes {
  return byProcess(name => Math.round(memoryOf(processes[name]) / 1024))
}

function most(all: readonly Megabytes[]): Megabytes {
  return byProcess(name => Math.max(...all.map(each => each[name])))
}

function byProcess(of: (name: keyof typeof processes) => number): Megabytes {
  return { HAProxy: of('HAProxy'), agent1: of('agent1'), agent2: of('agent2') }
}
