import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { decodeAssociateAc, decodeCommandSet, decodePData, pduHeaderLength } from '../../agent/dicom/index.ts'
import { storageSopClasses } from '../../agent/dicom/storage-sop-classes.ts'
import { type Balancer, startBalancer } from '../support/balancer.ts'
import { associateRq, contexts, image, releaseRq, storeRq } from '../support/messages.ts'
import { type Pacs, startPacs } from '../support/pacs.ts'
import { Peer } from '../support/peer.ts'

/** As many presentation contexts as an association may have (PS3.8 §9.3.2.2). */
const most = 128
const privateClasses = ['1.2.840.113619.4.27', '1.3.12.2.1107.5.9.1', '1.3.46.670589.11.0.0.12.1', '2.25.1']
const sopClasses = [...Object.keys(storageSopClasses), ...privateClasses]

const rules = `
rules:
  - { name: direct, when: { callingAE: "DIRECT*" }, route: direct }
  - { name: by tag, when: { Modality: CT }, route: delayed }
`

describe('every storage SOP class, and private ones', () => {
  const pools = new Map<string, Pacs>()
  let balancer: Balancer

  before(async () => {
    for (const pool of ['direct', 'delayed']) pools.set(pool, await startPacs())
    balancer = await startBalancer({
      rules,
      pools: Object.fromEntries([...pools].map(([pool, { port }]) => [pool, [{ name: 'PACS', port }]])),
    })
  })
  after(async () => {
    await balancer?.stop()
    for (const pacs of pools.values()) await pacs.stop()
  })

  for (const path of ['direct', 'delayed']) {
    test(`arrives on the ${path} path, in associations of ${most} contexts`, async () => {
      for (let at = 0; at < sopClasses.length; at += most) {
        await sendAll(path, sopClasses.slice(at, at + most))
      }
      const arrived = pools.get(path)?.stored.map(({ sopInstance }) => sopInstance)
      assert.deepEqual(arrived, sopClasses.map(instanceOf))
    })
  }

  /** One instance of each, in one association. */
  async function sendAll(path: string, classes: readonly string[]): Promise<void> {
    const peer = await Peer.connect(balancer.port)
    peer.send(associateRq({ callingAE: path.toUpperCase(), presentationContexts: contexts(classes) }))
    const ac = await peer.receive()
    const { presentationContexts } = decodeAssociateAc(ac?.bytes.subarray(pduHeaderLength) ?? Buffer.alloc(0))
    assert.equal(presentationContexts.filter(({ result }) => result === 0).length, classes.length)
    for (const [index, sopClass] of classes.entries()) {
      const options = { contextId: 2 * index + 1, sopClass, sopInstance: instanceOf(sopClass) }
      peer.send(storeRq(image({ study: '1.2.3.4' }), options))
      const pdu = await peer.receive()
      const [pdv] = decodePData(pdu?.bytes.subarray(pduHeaderLength) ?? Buffer.alloc(0))
      assert.equal(decodeCommandSet(pdv?.data ?? Buffer.alloc(0)).elements.Status, 0, sopClass)
    }
    peer.send(releaseRq)
    await peer.rest()
    peer.close()
  }

  const instanceOf = (sopClass: string) => `2.25.9.${sopClasses.indexOf(sopClass)}`
})
