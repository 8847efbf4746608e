import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { PduType } from '../../agent/dicom/index.ts'
import { checks, startAgent, startBalancer } from '../support/balancer.ts'
import { startDns } from '../support/dns.ts'
import { waitUntil } from '../support/haproxy.ts'
import { associateRq } from '../support/messages.ts'
import { startPacs } from '../support/pacs.ts'
import { Peer } from '../support/peer.ts'
import { freePort } from '../support/ports.ts'

const addresses = ['127.0.0.11', '127.0.0.12', '127.0.0.13']

test('HAProxy finds agents by their name in DNS, and forgets those that the name forgets', async t => {
  const dns = await startDns('agents.test', addresses.slice(0, 2))
  t.after(() => dns.stop())
  const folder = mkdtempSync(join(tmpdir(), 'rules-'))
  t.after(() => rmSync(folder, { recursive: true }))

  const pacs = await startPacs()
  t.after(() => pacs.stop())
  writeFileSync(join(folder, 'rules.yaml'), 'default: ct\n')
  const spopPort = await freePort()
  for (const address of addresses) {
    const agent = await startAgent(address, { RULES: folder, SPOP_LISTEN: `${address}:${spopPort}` })
    t.after(() => agent.stop())
    await agent.wrote(/"listening"/)
  }
  const balancer = await startBalancer({
    rules: '',
    pools: { ct: [{ name: 'CT', port: pacs.port }] },
    agents: 0,
    env: { AGENTS: `agents.test:${spopPort}` },
    edit: dns.edit,
  })
  t.after(() => balancer.stop())

  async function up(count: number): Promise<void> {
    await waitUntil(async () => {
      const states = [...(await checks(balancer.haproxy))].filter(([server]) => /^agents\/agent/.test(server))
      return states.filter(([, state]) => state === 'UP L7OK').length === count
    })
    const peer = await Peer.connect(balancer.port)
    peer.send(associateRq())
    assert.equal((await peer.receive())?.type, PduType.associateAc)
    peer.close()
  }
  await up(2)
  for (const agents of [addresses, addresses.slice(2)]) {
    dns.set(agents)
    await up(agents.length)
  }
})
