// `make soak`: an hour of mixed load, hostile PACS nodes and clients, and faults; then whether each instance is where its client
// was told, and what HAProxy and the agents are like when all has come to rest. SOAK_MINUTES for another time.

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

const memory: Megabytes[] = []
const counts: Record<string, number> = {}
const ledger = new Ledger()
const ofStart = balancer.haproxy.log().length

try {
  const kinds: [from: number, name: string, client: Client][] = [
    [0, 'mixed', mixed(await straight(balancer.port, ledger, 'STRAIGHT'))],
    [0.5, 'verified', verify],
    [0.6, 'abandoned', abandon],
    [0.75, 'idle', idle],
    [0.8, 'ventured', venture],
    [0.9, 'mistaken', mistaken],
  ]
  for (let round = 0; round < rounds; round++) {
    const end = performance.now() + (minutes * 60_000) / rounds
    const isOver = () => performance.now() > end
    await Promise.all([
      watch(isOver),
      site.disturb(isOver),
      ...Array.from({ length: clients }, (_, index) => client(index + clients * round, isOver, kinds)),
    ])
    await mutatedClients(site.wild, mutations, round * mutations)
    await wrongMoments(site.wild)
  }
  await comesToRest()
} finally {
  await site.stop()
}

async function client(
  index: number,
  isOver: () => boolean,
  kinds: readonly (readonly [number, string, Client])[],
): Promise<void> {
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

async function comesToRest(): Promise<void> {
  await waitUntil(async () => (await sessions()) === 0, undefined, 120_000)
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
  const unexpected = warnings.filter(line => !/default password|tune.lua.bool|UP|DOWN/.test(line))
  const quarter = Math.floor(memory.length / 4)
  const [second, last] = [memory.slice(quarter, 2 * quarter), memory.slice(-quarter)].map(most)
  console.log({
    ...counts,
    told,
    version: info.match(/^Version: (.*)$/m)?.[1],
    'CPU when idle again': `${(100 * idle).toFixed(1)} %`,
    'MB at most, in the second and in the last quarter': [second, last],
    'worker, up for': [info.match(/^Pid: (.*)$/m)?.[1], info.match(/^Uptime: (.*)$/m)?.[1]],
    warnings: warnings.length,
    unexpected,
  })
  assert.equal(Number(info.match(/^Pid: (.*)$/m)?.[1]), balancer.haproxy.pid)
  assert.ok(idle < 0.05, 'HAProxy does not come to rest')
  assert.deepEqual(unexpected, [])
  for (const name of Object.keys(processes) as (keyof typeof processes)[])
    assert.ok((last?.[name] ?? 0) <= (second?.[name] ?? 0) + slack, `${name} takes more and more memory`)
}

/** Of clients and of PACS nodes. */
async function sessions(): Promise<number> {
  const proxies = ['dicom', ...Object.keys(site.nodes)]
  const rows = await statistics(balancer.haproxy)
  return rows
    .filter(({ pxname = '' }) => proxies.includes(pxname))
    .reduce((total, { scur }) => total + Number(scur), 0)
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
