import assert from 'node:assert/strict'
import { decodeCommandSet, decodePData, PduType, pduHeaderLength } from '../../agent/dicom/index.ts'
import { memoryOf } from '../bench/memory.ts'
import { type Balancer, startBalancer } from '../support/balancer.ts'
import { statisticsOf, waitUntil } from '../support/haproxy.ts'
import { askable, heldBy } from '../support/held.ts'
import { associateRq, image, releaseRq, storeRq } from '../support/messages.ts'
import { type Pacs, serve, startPacs } from '../support/pacs.ts'
import { type Pdu, Peer } from '../support/peer.ts'
import { digestOf } from '../support/steady-load.ts'
import { rules } from './streams.ts'

/** A balancer with two pools of one PACS each, which hostile clients come to. */
export interface Site {
  balancer: Balancer
  ct: Pacs
  mr: Pacs
  /** milliseconds that each association took that went on beside hostile clients */
  beside: number[]
}

export interface RunningSite extends Site {
  /** megabytes of HAProxy, and what each agent holds */
  memory(): Promise<number[]>
  stop(): Promise<void>
}

export async function startSite(env: Record<string, string> = {}): Promise<RunningSite> {
  const [ct, mr] = [await startForgivingPacs(), await startForgivingPacs()]
  const balancer = await startBalancer({
    rules,
    pools: { ct: [{ name: 'CT', port: ct.port }], mr: [{ name: 'MR', port: mr.port }] },
    env: { ...askable, ...env },
  })
  const held = await Promise.all(balancer.agents.map(heldBy))
  return {
    balancer,
    ct,
    mr,
    beside: [],
    async memory() {
      const kilobytes = [memoryOf(balancer.haproxy.pid), ...(await Promise.all(held.map(ask => ask())))]
      return kilobytes.map(each => Math.round(each / 102.4) / 10)
    },
    async stop() {
      await balancer.stop()
      await Promise.all([ct.stop(), mr.stop()])
    },
  }
}

/** On the direct path, a PACS gets whatever the client sends: it ends the association then. */
export async function startForgivingPacs(): Promise<Pacs> {
  const pacs: Pacs = await startPacs((peer, rq) => serve(pacs, peer, rq).catch(() => {}))
  return pacs
}

const AT_ONCE = 24
/** After so much silence, a client closes its side: the balancer may be waiting for more, as it should. */
const PATIENCE_MS = 200
const HUNG_MS = 60_000

/** Does all of these, some at a time. */
export async function inTurn<T>(
  jobs: readonly T[],
  work: (job: T) => Promise<void>,
  atOnce = AT_ONCE,
): Promise<void> {
  const todo = jobs.values()
  const worker = async () => {
    for (const job of todo) await work(job)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

/** Sends these bytes, and hears all that is answered until the connection ends, which it must: nobody waits so long else. */
export async function hearsAll(peer: Peer, bytes: Buffer, name: string): Promise<Pdu[]> {
  const { promise: hung, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`${name}: the connection does not end`)), HUNG_MS)
  peer.socket.setTimeout(PATIENCE_MS, () => peer.socket.end())
  peer.send(bytes)
  try {
    return await Promise.race([peer.rest(), hung])
  } finally {
    clearTimeout(timer)
    peer.close()
  }
}

let normal = 0

/** An association like any other: answered, and its instance stored once, bit by bit. */
export async function sendNormally({ balancer, ct }: Site): Promise<void> {
  const callingAE = `NORMAL-${++normal}`
  const dataset = image({ size: 20_000 })
  const peer = await Peer.connect(balancer.port)
  const answers: (number | undefined)[] = []
  for (const bytes of [associateRq({ callingAE, calledAE: 'TAGS' }), storeRq(dataset), releaseRq]) {
    peer.send(bytes)
    answers.push((await peer.receive())?.type)
  }
  peer.close()
  assert.deepEqual(answers, [PduType.associateAc, PduType.pData, PduType.releaseRp], callingAE)
  const stored = ct.stored.filter(({ rq }) => rq.callingAE === callingAE)
  assert.deepEqual(
    stored.map(({ digest }) => digest),
    [digestOf(dataset)],
    callingAE,
  )
}

/** Sends normally, over and over, until all of this has happened. */
export async function besides(site: Site, happening: Promise<unknown>): Promise<void> {
  let isOver = false
  const over = happening.finally(() => {
    isOver = true
  })
  const goOn = async () => {
    while (!isOver) {
      const begin = performance.now()
      await sendNormally(site)
      site.beside.push(performance.now() - begin)
    }
  }
  await Promise.all([over, goOn()])
}

/** Waits until no client is left, and looks whether HAProxy and the agents are what they were before. */
export async function comesToRest({ balancer }: Site): Promise<void> {
  const { haproxy, agents } = balancer
  await waitUntil(async () => (await statisticsOf(haproxy, 'dicom/FRONTEND')).scur === '0')
  assert.match(await haproxy.command('show info'), new RegExp(`^Pid: ${haproxy.pid}$`, 'm'))
  assert.deepEqual(haproxy.log().match(/^.*(ALERT|\[alert\]|Lua).*$/gm) ?? [], [])
  for (const agent of agents) process.kill(agent.pid, 0) // throws where there is no such process
}

/** PACS nodes forget what they have got. */
export function forget({ ct, mr }: Site): void {
  for (const { associations, stored } of [ct, mr]) associations.length = stored.length = 0
}

/** The C-STORE-RSPs of Success among these PDUs, as the message ids that they answer. */
export function acknowledged(pdus: readonly Pdu[]): number[] {
  return pdus
    .filter(({ type }) => type === PduType.pData)
    .flatMap(({ bytes }) => decodePData(bytes.subarray(pduHeaderLength)))
    .map(({ data }) => decodeCommandSet(data).elements)
    .filter(({ CommandField, Status }) => CommandField === 0x8001 && Status === 0)
    .map(({ MessageIDBeingRespondedTo = -1 }) => MessageIDBeingRespondedTo)
}
