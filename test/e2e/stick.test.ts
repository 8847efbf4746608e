import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Balancer, startBalancer } from '../support/balancer.ts'
import { associateRq, image, releaseRq, storeRq } from '../support/messages.ts'
import { type Pacs, startPacs } from '../support/pacs.ts'
import { Peer } from '../support/peer.ts'

describe('stick', () => {
  const nodes: Pacs[] = []
  let balancer: Balancer

  before(async () => {
    for (let count = 0; count < 4; count++) nodes.push(await startPacs())
    balancer = await startBalancer({
      rules: 'rules: [{ name: CT, when: { Modality: CT }, route: ct, stick: PatientID }]',
      pools: { ct: nodes.map(({ port }, index) => ({ name: `CT:${index + 1}`, port })) },
      // shows the key that HAProxy hashes
      edit: cfg => cfg.replace('ms=%Tw', 'key=%[var(txn.dicom.key)] ms=%Tw'),
    })
  })
  after(async () => {
    await balancer?.stop()
    await Promise.all(nodes.map(node => node.stop()))
  })

  async function send(patientId: string, callingAE = 'STICK'): Promise<void> {
    const peer = await Peer.connect(balancer.port)
    peer.send(associateRq({ callingAE }))
    await peer.receive()
    peer.send(storeRq(image({ patientId, size: 100 })))
    assert.ok(await peer.receive())
    peer.send(releaseRq)
    await peer.rest()
    peer.close()
  }

  test('fifty associations of one patient at once reach one server', async () => {
    await Promise.all(Array.from({ length: 50 }, () => send('ONE-PATIENT')))
    assert.deepEqual(nodes.map(node => node.stored.length).sort(), [0, 0, 0, 50])
  })

  test('a thousand patients spread evenly: no server has over 1.3 times its share', async () => {
    const before = nodes.map(node => node.stored.length)
    for (let hundred = 0; hundred < 10; hundred++) {
      await Promise.all(Array.from({ length: 100 }, (_, n) => send(`PATIENT-${hundred}-${n}`)))
    }
    const shares = nodes.map((node, index) => node.stored.length - (before[index] ?? 0))
    assert.equal(
      shares.reduce((sum, share) => sum + share),
      1000,
    )
    assert.ok(Math.max(...shares) <= 1.3 * 250, `shares: ${shares}`)
  })

  // one at a time: of two lines at once, HAProxy may drop one
  test('HAProxy sees a hash, and never a PatientID', async () => {
    const seen: (string | undefined)[] = []
    for (const [index, patientId] of ['PATIENT-A', 'PATIENT-B', 'PATIENT-A'].entries()) {
      await send(patientId, `KEY-${index}`)
      seen.push((await balancer.logLine(`KEY-${index}`)).match(/ key=(\S+)/)?.[1])
    }
    const [one, other, again] = seen
    assert.notEqual(one, other)
    assert.equal(again, one)
    const keys = balancer.haproxy.log().match(/ key=\S+/g) ?? []
    for (const key of keys) assert.match(key, /^ key=[\w-]{43}$/)
    // one patient came fifty times, one twice, and each other one once
    assert.ok(keys.length - new Set(keys).size <= 49 + 1, 'patients share a key')
    assert.doesNotMatch(balancer.haproxy.log(), /PATIENT/)
  })
})
