import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeCommandSet, decodePData, PduType, pduHeaderLength } from '../../agent/dicom/index.ts'
import { associateRq, image, releaseRq, storeRq } from './messages.ts'
import type { Stored } from './pacs.ts'
import { type Pdu, Peer } from './peer.ts'

const PER_SECOND = 50

/** Of these, one association waits before each of its images, over what happens to the balancer meanwhile. */
const ONE_OF = 10
const WAIT_MS = 2000

/**
 * Does `action` under 50 associations a second, each with two images of different studies: one to be judged by the first
 * step, one by the guard. Half of them take the direct path. Fails unless each association got all that it should, and
 * resolves with the instances that were stored, as `instance` writes them.
 */
export async function underLoad(port: number, action: () => Promise<unknown>): Promise<string[]> {
  const sent: string[] = []
  const stores: Promise<void>[] = []
  const failures: string[] = []
  const begin = performance.now()
  let ending = false

  async function store(n: number): Promise<void> {
    const name = `${n % 2 ? 'DIRECT' : 'TAGS'}-${n}`
    const peer = await Peer.connect(port)
    peer.send(associateRq({ callingAE: name }))
    const type = (await peer.receive())?.type
    assert.equal(type, PduType.associateAc, `${name}: association`)
    for (const study of ['1.2.1', '1.2.2']) {
      if (n % ONE_OF < 2) await sleep(WAIT_MS)
      const dataset = image({ patientId: `P${n}.${study}`, study, size: 20_000 })
      const sopInstance = `${study}.${n}`
      peer.send(storeRq(dataset, { sopInstance }))
      const pdu = await peer.receive()
      assert.equal(pdu && status(pdu), 0, `${name}: C-STORE-RSP of ${study}`)
      sent.push(instance({ sopInstance, digest: digestOf(dataset) }))
    }
    peer.send(releaseRq)
    assert.equal((await peer.receive())?.type, PduType.releaseRp, `${name}: release`)
    peer.close()
  }

  async function run(): Promise<void> {
    for (let n = 0; !ending; n++) {
      await sleep(Math.max(0, begin + (n * 1000) / PER_SECOND - performance.now()))
      stores.push(store(n).catch(error => void failures.push(error.message)))
    }
    await Promise.all(stores)
  }

  const running = run()
  await action().finally(() => {
    ending = true
    return running
  })
  assert.deepEqual(failures, [], `${failures.length} of ${stores.length} associations failed`)
  return sent
}

export function digestOf(dataset: Buffer): string {
  return createHash('sha256').update(dataset).digest('hex')
}

/** An instance by its UID and digest, for comparing what was sent with what a PACS has. */
export function instance({ sopInstance, digest }: Pick<Stored, 'sopInstance' | 'digest'>): string {
  return `${sopInstance} ${digest}`
}

function status({ type, bytes }: Pdu): number | undefined {
  if (type !== PduType.pData) return undefined
  const [response] = decodePData(bytes.subarray(pduHeaderLength))
  return response && decodeCommandSet(response.data).elements.Status
}
