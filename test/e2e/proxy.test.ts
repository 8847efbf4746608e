import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { PduType } from '../../agent/dicom/index.ts'
import { type Balancer, startBalancer } from '../support/balancer.ts'
import { associateRq } from '../support/messages.ts'
import { startPacs } from '../support/pacs.ts'
import { Peer } from '../support/peer.ts'

const rules = `
rules:
  - { name: ward, when: { source: 10.9.0.0/16 }, route: ct }
`

/** What HAProxy with these networks as PROXY_FROM answers to an association of 10.9.8.7, if one believes its header. */
async function associate(
  t: TestContext,
  PROXY_FROM: string,
): Promise<{ balancer: Balancer; answer: number | undefined }> {
  const pacs = await startPacs()
  t.after(() => pacs.stop())
  const pools = { ct: [{ name: 'CT', port: pacs.port }] }
  const balancer = await startBalancer({ rules, pools, env: { PROXY_FROM } })
  t.after(() => balancer.stop())
  const peer = await Peer.connect(balancer.port)
  peer.send(Buffer.from('PROXY TCP4 10.9.8.7 10.9.8.6 40000 104\r\n'), associateRq())
  const answer = (await peer.receive())?.type
  peer.close()
  return { balancer, answer }
}

test('networks of PROXY_FROM tell the address of the client, which the rules see', async t => {
  const { balancer, answer } = await associate(t, '192.0.2.0/24 127.0.0.1')
  assert.equal(answer, PduType.associateAc)
  assert.match(await balancer.logLine('TEST-SCU'), /^10\.9\.8\.7:40000 .* direct ct\/CT rule="ward"/)
})

test('other networks cannot: what they send first is no DICOM', async t => {
  const { balancer, answer } = await associate(t, '192.0.2.0/24')
  assert.equal(answer, PduType.abort)
  assert.match(await balancer.logged(/refusal=not-associate/), /^127\.0\.0\.1:/)
})
