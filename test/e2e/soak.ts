// `make soak`: an hour of mixed load, and what HAProxy is like afterwards. SOAK_MINUTES for another time.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { encodePData, PduType } from '../../agent/dicom/index.ts'
import { type Balancer, startBalancer } from '../support/balancer.ts'
import { associateRq, commandOnly, contexts, releaseRq, VERIFICATION } from '../support/messages.ts'
import { cut, generator, outcome, packed, rules, segments, whole } from '../support/mixed.ts'
import { type Pacs, startPacs } from '../support/pacs.ts'
import { Peer } from '../support/peer.ts'

const minutes = Number(process.env.SOAK_MINUTES ?? 60)
const clients = 4
const clockTick = 100 // per second, on every Linux (USER_HZ)

const ct = await startPacs()
const mr = await startPacs()
const balancer = await startBalancer({
  rules,
  pools: { ct: [{ name: 'CT', port: ct.port }], mr: [{ name: 'MR', port: mr.port }] },
})
const counts = { mixed: 0, verified: 0, abandoned: 0, idle: 0 }
try {
  const expected = await send(
    'STRAIGHT',
    whole.map(pdv => encodePData([pdv])),
  )
  const before = await residentMemory(balancer)
  const end = performance.now() + minutes * 60_000
  const progress = setInterval(
    async () => console.log(JSON.stringify(counts), await residentMemory(balancer)),
    60_000,
  )
  await Promise.all(Array.from({ length: clients }, (_, index) => client(index, end, expected)))
  clearInterval(progress)

  await sleep(5000)
  const used = await cpuSeconds(balancer)
  await sleep(10_000)
  const idle = ((await cpuSeconds(balancer)) - used) / 10
  const info = await balancer.haproxy.command('show info')
  const warnings =
    balancer.haproxy.log().match(/^\[(WARNING|ALERT|alert|warning)\].*|.*Lua .*: .*error.*/gm) ?? []
  console.log({
    ...counts,
    version: info.match(/^Version: (.*)$/m)?.[1],
    'CPU when idle again': `${(100 * idle).toFixed(1)} %`,
    'memory before, after': [before, await residentMemory(balancer)],
    'worker, up for': [info.match(/^Pid: (.*)$/m)?.[1], info.match(/^Uptime: (.*)$/m)?.[1]],
    'sessions left': Number(info.match(/^CurrConns: (.*)$/m)?.[1]),
    warnings,
  })
  assert.equal(Number(info.match(/^Pid: (.*)$/m)?.[1]), balancer.haproxy.pid)
  assert.ok(idle < 0.05, 'HAProxy does not come to rest')
  assert.deepEqual(
    warnings.filter(line => !/default password|tune.lua.bool|UP|DOWN/.test(line)),
    [],
  )
  assert.equal(mr.stored.length, 0)
} finally {
  await balancer.stop()
  await Promise.all([ct.stop(), mr.stop()])
}

async function client(index: number, end: number, expected: unknown): Promise<void> {
  for (let round = 0; performance.now() < end; round++) {
    const seed = index * 1_000_000 + round
    const random = generator(seed)
    const name = `S${seed}`
    const kind = random()
    if (kind < 0.7) {
      const writes = segments(Buffer.concat(packed(cut(whole, random), random)), random)
      assert.deepEqual(await send(name, writes, random() < 0.5), expected, name)
      counts.mixed++
    } else if (kind < 0.8) {
      await verify(name)
    } else if (kind < 0.95) {
      await abandon(name, random)
    } else {
      await idle(name, 1000 * random())
    }
    await sleep(100 * random())
  }
}

/** What the client sees of the mixed association, and what the PACS has of it; nothing is kept. */
async function send(callingAE: string, writes: readonly Buffer[], slow = false) {
  const got = await outcome(balancer.port, callingAE, writes, slow)
  return { ...got, stored: taken(ct, callingAE) }
}

function taken(pacs: Pacs, callingAE: string): string[] {
  const mine = pacs.stored.filter(({ rq }) => rq.callingAE === callingAE)
  pacs.stored.splice(0, pacs.stored.length, ...pacs.stored.filter(stored => !mine.includes(stored)))
  pacs.associations.length = 0
  return mine.map(({ sopInstance, digest }) => `${sopInstance} ${digest}`)
}

/** C-ECHO on the direct path. */
async function verify(callingAE: string): Promise<void> {
  const peer = await Peer.connect(balancer.port)
  peer.send(associateRq({ callingAE, calledAE: 'ECHO', presentationContexts: contexts([VERIFICATION]) }))
  assert.equal((await peer.receive())?.type, PduType.associateAc)
  peer.send(commandOnly(0x0030), releaseRq)
  await peer.rest()
  peer.close()
  counts.verified++
}

/** Goes away anywhere in the stream. */
async function abandon(callingAE: string, random: () => number): Promise<void> {
  const peer = await Peer.connect(balancer.port)
  peer.send(associateRq({ callingAE }))
  await peer.receive()
  const bytes = Buffer.concat(whole.map(pdv => encodePData([pdv])))
  peer.send(bytes.subarray(0, Math.floor(bytes.length * random())))
  if (random() < 0.5) await sleep(50 * random())
  peer.close()
  taken(ct, callingAE)
  counts.abandoned++
}

async function idle(callingAE: string, ms: number): Promise<void> {
  const peer = await Peer.connect(balancer.port)
  peer.send(associateRq({ callingAE }))
  await peer.receive()
  await sleep(ms)
  peer.send(releaseRq)
  await peer.rest()
  peer.close()
  counts.idle++
}

/** Of user and system, so far. */
async function cpuSeconds({ haproxy }: Balancer): Promise<number> {
  const fields = (await readFile(`/proc/${haproxy.pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / clockTick
}

async function residentMemory({ haproxy }: Balancer): Promise<string> {
  const status = await readFile(`/proc/${haproxy.pid}/status`, 'utf8')
  return status.match(/VmRSS:\s+(.*)/)?.[1] ?? ''
}
