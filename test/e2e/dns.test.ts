import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { PduType } from '../../agent/dicom/index.ts'
import { start } from '../../deploy/local/processes.ts'
import { checks, startAgent, startBalancer } from '../support/balancer.ts'
import { freePort, waitUntil } from '../support/haproxy.ts'
import { associateRq } from '../support/messages.ts'
import { startPacs } from '../support/pacs.ts'
import { Peer } from '../support/peer.ts'

const addresses = ['127.0.0.11', '127.0.0.12', '127.0.0.13']

test('HAProxy finds agents by their name in DNS, and forgets those that the name forgets', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'dns-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const hosts = join(folder, 'hosts')
  const name = (agents: readonly string[]) =>
    writeFileSync(hosts, agents.map(address => `${address} agents.test\n`).join(''))
  name(addresses.slice(0, 2))

  const dnsPort = await freePort()
  const server = [
    'dnsmasq',
    '--keep-in-foreground',
    '--bind-interfaces',
    '--listen-address=127.0.0.1',
  ] as const
  const options = ['--no-resolv', '--no-hosts', `--addn-hosts=${hosts}`, `--user=${userInfo().username}`]
  const env = { PATH: `${process.env.PATH}:/usr/sbin` }
  const dns = await start({ name: 'dnsmasq', command: [...server, `--port=${dnsPort}`, ...options], env })
  t.after(() => dns.stop())

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
    edit: cfg => `${cfg}\nresolvers default\n    nameserver test 127.0.0.1:${dnsPort}\n`,
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
    name(agents)
    process.kill(dns.pid, 'SIGHUP')
    await up(agents.length)
  }
})
