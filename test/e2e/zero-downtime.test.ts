import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { processes } from '../../deploy/local/master.ts'
import { type Balancer, found, pacsCfg, spopAddress, startAgent, startBalancer } from '../support/balancer.ts'
import { startStorescp, withoutMeta } from '../support/dcmtk.ts'
import { waitUntil } from '../support/haproxy.ts'
import { operated } from '../support/operate.ts'
import { type Pacs, startPacs } from '../support/pacs.ts'
import { instance, underLoad } from '../support/steady-load.ts'

const rules = `
rules:
  - { name: direct, when: { callingAE: "*DIRECT*" }, route: ct }
  - { name: CT, when: { Modality: CT }, route: ct, stick: PatientID }
`

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

  test('while agents are killed one after the other, ten times', async () => {
    const env = { RULES: balancer.rulesFolder }
    const sent = await underLoad(balancer.port, async () => {
      for (let n = 0; n < 10; n++) {
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
    const digest = createHash('sha256')
      .update(withoutMeta(readFileSync(join(folder, file))))
      .digest('hex')
    return instance({ sopInstance: file.replace(/^[^.]*\./, ''), digest })
  })
}
