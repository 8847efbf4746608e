import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PduType } from '../../agent/dicom/index.ts'
import { startBalancer } from '../support/balancer.ts'
import { associateRq } from '../support/messages.ts'
import { startPacs } from '../support/pacs.ts'
import { Peer } from '../support/peer.ts'

const rules = `
rules:
  - { name: ward, when: { source: 10.9.0.0/16 }, route: ct }
`

test('networks of PROXY_FROM tell the address of the client, which the rules see', async t => {
  const pacs = await startPacs()
  t.after(() => pacs.stop())
  const env = { PROXY_FROM: '192.0.2.0/24 127.0.0.1' }
  const balancer = await startBalancer({ rules, pools: { ct: [{ name: 'CT', port: pacs.port }] }, env })
  t.after(() => balancer.stop())

  const peer = await Peer.connect(balancer.port)
  peer.send(Buffer.from('PROXY TCP4 10.9.8.7 10.9.8.6 40000 104\r\n'), associateRq({ callingAE: 'WARD' }))
  assert.equal((await peer.receive())?.type, PduType.associateAc)
  peer.close()
  assert.match(await balancer.logLine('WARD'), /^10\.9\.8\.7:40000 .* direct ct\/CT rule="ward"/)
})

test('other networks cannot: what they send first is no DICOM', async t => {
  const pacs = await startPacs()
  t.after(() => pacs.stop())
  const env = { PROXY_FROM: '192.0.2.0/24' }
  const balancer = await startBalancer({ rules, pools: { ct: [{ name: 'CT', port: pacs.port }] }, env })
  t.after(() => balancer.stop())

  const peer = await Peer.connect(balancer.port)
  peer.send(Buffer.from('PROXY TCP4 10.9.8.7 10.9.8.6 40000 104\r\n'), associateRq({ callingAE: 'WARD' }))
  assert.equal((await peer.receive())?.type, PduType.abort)
  assert.match(await balancer.logged(/refusal=not-associate/), /^127\.0\.0\.1:/)
  peer.close()
})
