import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PduType } from '../../agent/dicom/index.ts'
import { processes } from '../../deploy/local/master.ts'
import { startBalancer } from '../support/balancer.ts'
import { waitUntil } from '../support/haproxy.ts'
import { associateRq, image, storeRq } from '../support/messages.ts'
import { operated } from '../support/operate.ts'
import { startPacs } from '../support/pacs.ts'
import { Peer } from '../support/peer.ts'

const rules = `
rules:
  - { name: direct, when: { callingAE: DIRECT }, route: ct }
  - { name: CT, when: { Modality: CT }, route: ct }
`

test('an association that never ends is gone HARD_STOP_AFTER a reload, and no newer one with it', async t => {
  const pacs = await startPacs()
  t.after(() => pacs.stop())
  const pools = { ct: [{ name: 'CT', port: pacs.port }] }
  const balancer = await startBalancer({ rules, pools, master: true, env: { HARD_STOP_AFTER: '2' } })
  t.after(() => balancer.stop())
  const workers = async () => (await processes(`${balancer.haproxy.dir}/haproxy.sock`)).workers

  async function associate(callingAE: string): Promise<Peer> {
    const peer = await Peer.connect(balancer.port)
    peer.send(associateRq({ callingAE }))
    assert.equal((await peer.receive())?.type, PduType.associateAc)
    return peer
  }
  async function store(peer: Peer): Promise<void> {
    peer.send(storeRq(image()))
    assert.equal((await peer.receive())?.type, PduType.pData)
  }

  const before = await Promise.all(['DIRECT', 'TAGS'].map(associate))
  for (const peer of before) await store(peer)
  const [old = 0] = await workers()
  assert.equal((await operated(balancer, 'reload')).code, 0)
  const after = await Promise.all(['DIRECT', 'TAGS'].map(associate))

  for (const peer of before) assert.deepEqual(await peer.rest(), [])
  await waitUntil(async () => !(await workers()).includes(old))
  for (const peer of [...after, await associate('TAGS')]) await store(peer)
})
