import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { processes } from '../../deploy/local/master.ts'
import {
  adminUrl,
  type Balancer,
  checks,
  found,
  pacsCfg,
  spopAddress,
  startAgent,
  startBalancer,
} from '../support/balancer.ts'
import { startStorescp, withoutMeta } from '../support/dcmtk.ts'
import { startDns } from '../support/dns.ts'
import { waitUntil } from '../support/haproxy.ts'
import { operated } from '../support/operate.ts'
import { type Pacs, startPacs } from '../support/pacs.ts'
import { freePort } from '../support/ports.ts'
import { digestOf, instance, underLoad } from '../support/steady-load.ts'

const rules = `
rules:
  - { name: direct, when: { callingAE: "*DIRECT*" }, route: ct }
  - { name: CT, when: { Modality: CT, PatientID: "P*" }, route: ct, stick: PatientID }
`

// What must hold while the balancer is operated. That all clients are refused as transient when all agents are dead is in
// agents.test.ts; test/compose has reload, drain and scale with Docker and Orthanc.

describe('under 50 associations a second, none fails and no instance is missing', {
  timeout: 300_000,
}, () => {
  let nodes: Pacs[] = []
  let balancer: Balancer
  const pools = () => ({ ct: nodes.map(({ port }, index) => ({ name: `CT:${index + 1}`, port })) })
  const socket = () => join(balancer.haproxy.dir, 'haproxy.sock')
  const pacsFile = () => join(balancer.haproxy.dir, 'pacs.cfg')

  beforeEach(async () => {
    nodes = [await startPacs(), await startPacs()]
    balancer = await startBalancer({ rules, pools: pools(), master: true })
  })
  afterEach(async () => {
    await balancer.stop()
    for (const node of nodes) await node.stop()
  })

  /** What the nodes have is what was sent, bit by bit and once each. */
  function allStored(sent: readonly string[]): void {
    const stored = nodes.flatMap(node => node.stored.map(instance))
    assert.ok(sent.length > 100)
    assert.deepEqual(stored.sort(), [...sent].sort())
  }

  async function reload(): Promise<void> {
    const { code, output } = await operated(balancer, 'reload')
    assert.equal(code, 0, output)
    assert.match(output, /^Reloaded\. Associations that go on as they began: \d+$/m)
  }

  async function refuseMistake(): Promise<void> {
    const before = readFileSync(pacsFile(), 'utf8')
    appendFileSync(pacsFile(), 'backend typo from pacs\n    server TYPO 127.0.0.1:1 maxcon 20\n')
    const { code, output } = await operated(balancer, 'reload')
    assert.equal(code, 1)
    assert.match(output, /pacs\.cfg:\d+\].*'maxcon'/)
    assert.match(output, /the configuration before serves on/)
    writeFileSync(pacsFile(), before)
  }

  test('while each agent is killed with -9 in turn, ten times', async () => {
    const env = { RULES: balancer.rulesFolder, GATEWAY: `127.0.0.1:${balancer.gatewayPort}` }
    const sent = await underLoad(balancer.port, async () => {
      for (let n = 0; n < 20; n++) {
        const killed = balancer.agents[n % 2]
        assert.ok(killed)
        const { host, port } = await spopAddress(killed)
        const SPOP_LISTEN = `${host}:${port}`
        await killed.stop('SIGKILL')
        await found(balancer.haproxy, 'DOWN', [`agents/agent${(n % 2) + 1}`])
        balancer.agents[n % 2] = await startAgent('agent', { ...env, SPOP_LISTEN })
        await found(balancer.haproxy, 'UP', ['agents/agent1', 'agents/agent2'])
      }
    })
    allStored(sent)
  })

  test('while a PACS node is drained, over a reload, and is ready again', async () => {
    const sent = await underLoad(balancer.port, async () => {
      const drained = await operated(balancer, 'drain', 'ct/CT:1')
      assert.equal(drained.code, 0, drained.output)
      assert.match(drained.output, /^none is left$/m)
      const had = nodes[0]?.associations.length
      await reload()
      const others = nodes[1]?.associations.length ?? 0
      await waitUntil(() => (nodes[1]?.associations.length ?? 0) > others + 50)
      assert.equal(nodes[0]?.associations.length, had, 'drained over a reload')
      const ready = await operated(balancer, 'ready', 'ct/CT:1')
      assert.deepEqual(ready, { code: 0, output: 'ct/CT:1 takes associations.\n' })
      await waitUntil(() => (nodes[0]?.associations.length ?? 0) > (had ?? 0) + 20)
    })
    allStored(sent)
  })

  test('while rules are reloaded fifty times', async () => {
    const urls = await Promise.all(balancer.agents.map(adminUrl))
    const hashes = new Set<string>()
    const sent = await underLoad(balancer.port, async () => {
      for (let n = 0; n < 50; n++) {
        writeFileSync(join(balancer.rulesFolder, 'rules.yaml'), rules.replace('name: CT', `name: CT ${n}`))
        const answers = await Promise.all(urls.map(url => fetch(`${url}/-/reload`, { method: 'POST' })))
        assert.deepEqual(
          answers.map(({ status }) => status),
          [200, 200],
        )
        for (const answer of answers) hashes.add(await answer.text())
        const begun = nodes[0]?.associations.length ?? 0
        await waitUntil(() => (nodes[0]?.associations.length ?? 0) > begun)
      }
    })
    assert.equal(hashes.size, 50)
    allStored(sent)
  })

  test('an agent that is drained stays so over a reload', async () => {
    await balancer.haproxy.command('set server agents/agent2 state drain')
    await reload()
    const states = await checks(balancer.haproxy)
    assert.match(states.get('agents/agent2') ?? '', /^DRAIN /)
    assert.match(states.get('agents/agent1') ?? '', /^UP /)
  })

  test('a reload that HAProxy refuses leaves nothing behind that a later start would find', async () => {
    appendFileSync(pacsFile(), `\nlisten taken\n    mode tcp\n    bind 127.0.0.1:${nodes[0]?.port}\n`)
    const { code, output } = await operated(balancer, 'reload')
    assert.match(output, /HAProxy could not load it/)
    assert.equal(code, 1)
    assert.ok(!readdirSync(balancer.haproxy.dir).includes('servers.state'))
  })

  test('a node that is not there is not drained, and the one that was meant is told', async () => {
    const { code, output } = await operated(balancer, 'drain', 'ct/CT1')
    assert.equal(code, 1)
    assert.match(output, /There is no server "ct\/CT1"; did you mean ct\/CT:1\?/)
  })

  test('while PACS nodes are added, removed and moved to another port, which takes effect', async () => {
    nodes.push(await startPacs())
    const [first, second, third] = nodes as [Pacs, Pacs, Pacs]
    const sent = await underLoad(balancer.port, async () => {
      for (const [changed, idle] of [
        [{ 'CT:1': first, 'CT:2': second, 'CT:3': third }, undefined],
        [{ 'CT:2': second, 'CT:3': third }, first],
        [{ 'CT:2': first, 'CT:3': third }, second],
      ] as const) {
        const ct = Object.entries(changed).map(([name, { port }]) => ({ name, port }))
        writeFileSync(pacsFile(), pacsCfg({ ct }))
        await reload()
        await waitUntil(async () => (await processes(socket())).workers.length === 1)
        const before = nodes.map(node => node.associations.length)
        const more = () => nodes.map((node, index) => node.associations.length - (before[index] ?? 0))
        const used = Object.values(changed).map(node => nodes.indexOf(node))
        await waitUntil(() => used.every(index => (more()[index] ?? 0) > 20))
        if (idle) assert.equal(more()[nodes.indexOf(idle)], 0)
      }
    })
    allStored(sent)
  })

  test('while HAProxy is reloaded ten times, twice with a mistake in pacs.cfg', async () => {
    const sent = await underLoad(balancer.port, async () => {
      for (let n = 0; n < 10; n++) {
        if (n === 3 || n === 7) await refuseMistake()
        await reload()
      }
    })
    allStored(sent)
    await waitUntil(async () => (await processes(socket())).workers.length === 1)
  })
})

test('agents scaled 2 → 4 → 1, under 50 associations a second: none fails and no instance is missing', {
  timeout: 120_000,
}, async t => {
  const addresses = ['127.0.0.21', '127.0.0.22', '127.0.0.23', '127.0.0.24']
  const dns = await startDns('agents.test', addresses.slice(0, 2))
  t.after(() => dns.stop())
  const node = await startPacs()
  t.after(() => node.stop())
  const spopPort = await freePort()
  const balancer = await startBalancer({
    rules,
    pools: { ct: [{ name: 'CT', port: node.port }] },
    agents: 0,
    env: { AGENTS: `agents.test:${spopPort}` },
    edit: dns.edit,
  })
  t.after(() => balancer.stop())
  const env = { RULES: balancer.rulesFolder, GATEWAY: `127.0.0.1:${balancer.gatewayPort}` }

  /** As Docker does it: a name before its agent listens, and an agent that stops before its name is gone. */
  async function scale(count: number): Promise<void> {
    const more = addresses.slice(balancer.agents.length, count)
    if (more.length > 0) dns.set(addresses.slice(0, count))
    const starting = more.map(address =>
      startAgent(address, { ...env, SPOP_LISTEN: `${address}:${spopPort}` }),
    )
    balancer.agents.push(...(await Promise.all(starting)))
    await Promise.all(balancer.agents.splice(count).map(agent => agent.stop()))
    dns.set(addresses.slice(0, count))
    await waitUntil(async () => {
      const states = [...(await checks(balancer.haproxy))].filter(([server]) => /^agents\/agent/.test(server))
      return states.filter(([, state]) => state === 'UP L7OK').length === count
    })
  }

  await scale(2)
  const sent = await underLoad(balancer.port, async () => {
    for (const count of [4, 1]) {
      await scale(count)
      const begun = node.associations.length
      await waitUntil(() => node.associations.length > begun + 50)
    }
  })
  assert.deepEqual(node.stored.map(instance).sort(), [...sent].sort())
})

test('a PACS node that is killed: every association that begins afterwards is stored by the other one', {
  timeout: 120_000,
}, async () => {
  const folders = [mkdtempSync(join(tmpdir(), 'pacs-')), mkdtempSync(join(tmpdir(), 'pacs-'))] as const
  const nodes = [await startStorescp(folders[0]), await startStorescp(folders[1])] as const
  const ct = nodes.map(({ port }, index) => ({ name: `CT:${index + 1}`, port }))
  const balancer = await startBalancer({ rules, pools: { ct } })
  try {
    const before = await underLoad(balancer.port, () => waitUntil(() => readdirSync(folders[0]).length > 20))
    const had = [...storedIn(folders[0]), ...storedIn(folders[1])]
    assert.deepEqual(had.sort(), before.sort())
    for (const folder of folders) for (const file of readdirSync(folder)) rmSync(join(folder, file))

    await nodes[0].stop('SIGKILL')
    const sent = await underLoad(balancer.port, async () => {
      await found(balancer.haproxy, 'DOWN', ['ct/CT:1'])
      await waitUntil(() => readdirSync(folders[1]).length > 200)
    })
    assert.deepEqual(storedIn(folders[1]).sort(), sent.sort())
  } finally {
    await balancer.stop()
    for (const node of nodes) await node.stop()
    for (const folder of folders) rmSync(folder, { recursive: true })
  }
})

function storedIn(folder: string): string[] {
  return readdirSync(folder).map(file => {
    const digest = digestOf(withoutMeta(readFileSync(join(folder, file))))
    return instance({ sopInstance: file.replace(/^[^.]*\./, ''), digest })
  })
}
