import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeAssociateAc, PduType, pduHeaderLength } from '../../agent/dicom/index.ts'
import { type Balancer, startBalancer } from '../support/balancer.ts'
import {
  associateRq,
  CT_IMAGE,
  contexts,
  datasetPdus,
  EXPLICIT,
  IMPLICIT,
  image,
  implicitDataset,
  MR_IMAGE,
  releaseRq,
  storeRq,
} from '../support/messages.ts'
import { type Pacs, startPacs } from '../support/pacs.ts'
import { Peer } from '../support/peer.ts'

/** Seconds that an association is held idle; the limits in between are 60 s in many a firewall and PACS. */
const idle = Number(process.env.IDLE_SECONDS ?? 125)

const rules = `
pools:
  ct: &accepts { maxPduLength: 131072 }
  mr: *accepts
rules:
  - { name: CT, when: { Modality: CT }, route: ct }
  - { name: MR, when: { Modality: MR }, route: mr }
`

describe('associations of every shape', { concurrency: true }, () => {
  let ct: Pacs
  let mr: Pacs
  let balancer: Balancer

  before(async () => {
    ct = await startPacs()
    mr = await startPacs()
    balancer = await startBalancer({
      rules,
      pools: { ct: [{ name: 'CT', port: ct.port }], mr: [{ name: 'MR', port: mr.port }] },
    })
  })
  after(async () => {
    await balancer?.stop()
    await Promise.all([ct?.stop(), mr?.stop()])
  })

  async function associate(rq: Parameters<typeof associateRq>[0] = {}): Promise<Peer> {
    const peer = await Peer.connect(balancer.port)
    peer.send(associateRq(rq))
    assert.equal((await peer.receive())?.type, PduType.associateAc)
    return peer
  }

  /** One C-STORE-RSP for each instance, then the release. */
  async function finish(peer: Peer, responses: number): Promise<void> {
    for (let count = 0; count < responses; count++) assert.equal((await peer.receive())?.type, PduType.pData)
    peer.send(releaseRq)
    assert.deepEqual(
      (await peer.rest()).map(({ type }) => type),
      [PduType.releaseRp],
    )
    peer.close()
  }

  function storedBy(pacs: Pacs, callingAE: string): { sopInstance: string; length: number }[] {
    return pacs.stored
      .filter(({ rq }) => rq.callingAE === callingAE)
      .map(({ sopInstance, length }) => ({ sopInstance, length }))
  }

  test('twenty images in one association', async () => {
    const peer = await associate({ callingAE: 'TWENTY' })
    for (let n = 1; n <= 20; n++)
      peer.send(storeRq(image({ size: n * 1000 }), { messageId: n, sopInstance: `1.2.${n}` }))
    await finish(peer, 20)
    const expected = Array.from({ length: 20 }, (_, n) => ({
      sopInstance: `1.2.${n + 1}`,
      length: image({ size: (n + 1) * 1000 }).length,
    }))
    assert.deepEqual(storedBy(ct, 'TWENTY'), expected)
  })

  test('forty associations at once, CT and MR in turn', async () => {
    await Promise.all(
      Array.from({ length: 40 }, async (_, n) => {
        const modality = n % 2 === 0 ? 'CT' : 'MR'
        const peer = await associate({ callingAE: `PARALLEL-${modality}` })
        peer.send(storeRq(image({ modality, size: 50_000 }), { sopInstance: `1.3.${n}` }))
        await finish(peer, 1)
      }),
    )
    assert.equal(storedBy(ct, 'PARALLEL-CT').length, 20)
    assert.equal(storedBy(mr, 'PARALLEL-MR').length, 20)
    assert.equal(storedBy(ct, 'PARALLEL-MR').length + storedBy(mr, 'PARALLEL-CT').length, 0)
  })

  for (const fragment of [2, 100, 4096 - 12, 16384 - 6, 65536, 131072 - 6]) {
    test(`PDVs of ${fragment} bytes`, async () => {
      const callingAE = `FRAGMENT-${fragment}`
      const dataset = image({ modality: 'MR', size: fragment < 100 ? 2_000 : 300_000 })
      const peer = await associate({ callingAE })
      peer.send(storeRq(dataset, { fragment }))
      await finish(peer, 1)
      assert.deepEqual(storedBy(mr, callingAE), [{ sopInstance: '1.2.3', length: dataset.length }])
    })
  }

  test('a client that writes byte by byte', async () => {
    const peer = await Peer.connect(balancer.port)
    await peer.sendByteByByte(associateRq({ callingAE: 'BYTES' }))
    assert.equal((await peer.receive())?.type, PduType.associateAc)
    const dataset = image({ size: 3000 })
    await peer.sendByteByByte(storeRq(dataset, { fragment: 500 }))
    await finish(peer, 1)
    const digest = createHash('sha256').update(dataset).digest('hex')
    assert.deepEqual(
      ct.stored.filter(({ rq }) => rq.callingAE === 'BYTES').map(stored => stored.digest),
      [digest],
    )
    assert.deepEqual(storedBy(ct, 'BYTES'), [{ sopInstance: '1.2.3', length: dataset.length }])
  })

  test('128 contexts of 4 transfer syntaxes, and of 13, which leave less room for the head', async () => {
    const syntaxes = [
      IMPLICIT,
      EXPLICIT,
      ...Array.from({ length: 11 }, (_, n) => `1.2.840.10008.1.2.4.${n + 50}`),
    ]
    for (const count of [4, 13]) {
      const callingAE = `CONTEXTS-${count}`
      const abstractSyntaxes = Array.from({ length: 128 }, (_, n) =>
        n === 127 ? CT_IMAGE : `${MR_IMAGE}.${n}`,
      )
      const peer = await Peer.connect(balancer.port)
      peer.send(
        associateRq({
          callingAE,
          presentationContexts: contexts(abstractSyntaxes, syntaxes.slice(0, count)),
        }),
      )
      const ac = await peer.receive()
      assert.ok(ac)
      const { presentationContexts } = decodeAssociateAc(ac.bytes.subarray(pduHeaderLength))
      assert.equal(presentationContexts.filter(({ result }) => result === 0).length, 128)
      peer.send(storeRq(image({ size: 100_000 }), { contextId: 255 }))
      await finish(peer, 1)
      assert.equal(storedBy(ct, callingAE).length, 1)
    }
  })

  test('an image of 200 MB', async () => {
    const head = implicitDataset({ '00080060': 'CT', '7fe00010': Buffer.alloc(200_000_000, 1) })
    const peer = await associate({ callingAE: 'LARGE' })
    peer.send(storeRq(Buffer.alloc(0)))
    for (let at = 0; at < head.length; at += 8_000_000) {
      const part = datasetPdus(head.subarray(at, at + 8_000_000), {
        fragment: 131066,
        last: at + 8_000_000 >= head.length,
      })
      if (!peer.socket.write(part)) await new Promise(resolve => peer.socket.once('drain', resolve))
    }
    await finish(peer, 1)
    assert.deepEqual(storedBy(ct, 'LARGE'), [{ sopInstance: '1.2.3', length: head.length }])
  })

  test(`an association held idle for ${idle} s before its first dataset, and again before the second`, async () => {
    const peer = await associate({ callingAE: 'IDLE' })
    await sleep(idle * 1000)
    peer.send(storeRq(image(), { messageId: 1 }))
    assert.equal((await peer.receive())?.type, PduType.pData)
    await sleep(idle * 1000)
    peer.send(storeRq(image(), { messageId: 2 }))
    await finish(peer, 1)
    assert.equal(storedBy(ct, 'IDLE').length, 2)
  })
})
