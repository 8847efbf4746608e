import { setTimeout as sleep } from 'node:timers/promises'
import { decodeCommandSet, decodePData, PduType, pduHeaderLength } from '../../agent/dicom/index.ts'
import { associateRq, contexts, implicitDataset, releaseRq, storeRq } from '../support/messages.ts'
import { Peer } from '../support/peer.ts'
import { digestOf } from '../support/steady-load.ts'
import type { Held, Pool } from './stack.ts'

const sopClasses = {
  ct: '1.2.840.10008.5.1.4.1.1.2',
  mr: '1.2.840.10008.5.1.4.1.1.4',
  general: '1.2.840.10008.5.1.4.1.1.6.1',
}
const modalities = { ct: 'CT', mr: 'MR', general: 'US' }
const pools = ['ct', 'mr', 'general'] as const
const PER_SECOND = 50

/** An association that stored one instance, or tried to. */
export interface Sent extends Held {
  pool: Pool
  result: 'stored' | 'refused' | 'aborted' | 'closed' | 'not connected'
}

/** Sends instances, each in an association of its own and to the pools in turn, until `during` is over. */
export async function underLoad(port: number, during: () => Promise<unknown>): Promise<Sent[]> {
  const root = `1.2.3.${process.pid}.${Date.now()}`
  const begin = performance.now()
  const sent: Promise<Sent>[] = []
  let over = false
  const done = during().finally(() => {
    over = true
  })
  for (let n = 0; !over; n++) {
    sent.push(send(port, pools[n % pools.length] ?? 'ct', `${root}.${n + 1}`))
    await sleep(Math.max(0, begin + ((n + 1) * 1000) / PER_SECOND - performance.now()))
  }
  await done
  return Promise.all(sent)
}

/** Sends so many instances at once, to the pools in turn. */
export function burst(port: number, count: number): Promise<Sent[]> {
  const root = `1.2.3.${process.pid}.${Date.now()}`
  return Promise.all(
    Array.from({ length: count }, (_, n) => send(port, pools[n % pools.length] ?? 'ct', `${root}.${n + 1}`)),
  )
}

export async function send(port: number, pool: Pool, sopInstance: string): Promise<Sent> {
  const sopClass = sopClasses[pool]
  const dataset = image(pool, sopClass, sopInstance)
  const digest = digestOf(dataset)
  const outcome = (result: Sent['result']): Sent => ({ pool, sopInstance, digest, result })
  let peer: Peer
  try {
    peer = await Peer.connect(port)
  } catch {
    return outcome('not connected')
  }
  try {
    peer.send(associateRq({ presentationContexts: contexts([sopClass]) }))
    const answer = await peer.receive()
    if (answer?.type !== PduType.associateAc) return outcome(failure(answer?.type))
    peer.send(storeRq(dataset, { sopClass, sopInstance }))
    const response = await peer.receive()
    if (response?.type !== PduType.pData) return outcome(failure(response?.type))
    const [command] = decodePData(response.bytes.subarray(pduHeaderLength))
    const status = command && decodeCommandSet(command.data).elements.Status
    if (status !== 0) return outcome('refused')
    peer.send(releaseRq)
    const end = await peer.receive()
    return outcome(end?.type === PduType.releaseRp ? 'stored' : failure(end?.type))
  } finally {
    peer.close()
  }
}

function failure(pduType: number | undefined): Sent['result'] {
  if (pduType === undefined) return 'closed'
  return pduType === PduType.associateRj ? 'refused' : 'aborted'
}

/** What an Orthanc keeps, and no more. */
function image(pool: Pool, sopClass: string, sopInstance: string): Buffer {
  return implicitDataset({
    '00080016': padded(sopClass),
    '00080018': padded(sopInstance),
    '00080060': modalities[pool],
    '00100020': `P-${sopInstance.slice(-2)}`,
    '0020000d': padded(`${sopInstance}.1`),
    '0020000e': padded(`${sopInstance}.2`),
    '7fe00010': Buffer.alloc(20_000, 7),
  })
}

function padded(uid: string): string {
  return uid.length % 2 === 0 ? uid : `${uid}\0`
}
