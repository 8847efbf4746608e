import assert from 'node:assert/strict'
import { globSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { dcmtk } from '../support/dcmtk.ts'
import { waitUntil } from '../support/haproxy.ts'
import { burst, type Sent, send, underLoad } from './load.ts'
import { type Held, type Pool, type Stack, startStack } from './stack.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

describe('docker compose up', { timeout: 900_000 }, () => {
  let stack: Stack
  before(async () => {
    stack = await startStack()
  })
  after(async () => {
    await stack?.stop()
    assert.deepEqual(await stack?.left(), [])
  })

  beforeEach(async () => {
    await scale(2)
    await stack.pacsUp()
  })

  async function scale(count: number): Promise<void> {
    await stack.compose('up', '--detach', '--no-recreate', '--wait', '--scale', `agent=${count}`)
    await stack.agentsUp(count)
  }

  const uids = (held: readonly Held[]) => held.map(({ sopInstance }) => sopInstance)

  /** What was acknowledged is in its pool's PACS, once and bit by bit, and nothing is anywhere else. */
  async function eachIsHeldWhereItShould(sent: readonly Sent[]): Promise<void> {
    const held = await stack.held()
    for (const pool of ['ct', 'mr', 'general'] as const) {
      const copies = Map.groupBy(held[pool], ({ sopInstance }) => sopInstance)
      for (const { sopInstance, digest, result, pool: wanted } of sent) {
        const digests = copies.get(sopInstance)?.map(copy => copy.digest) ?? []
        if (wanted !== pool) assert.deepEqual(digests, [], `${sopInstance} is in ${pool}, not in ${wanted}`)
        else if (result === 'stored') assert.deepEqual(digests, [digest], `${sopInstance} in ${pool}`)
      }
    }
  }

  const failed = (sent: readonly Sent[]) => sent.filter(({ result }) => result !== 'stored')

  test('each sample is in the Orthanc where the rules want it', async () => {
    const poolOf: Record<string, Pool> = { CT: 'ct', MR: 'mr' }
    const samples = globSync(join(root, 'dicom-samples/*.dcm'))
    const expected: Record<Pool, string[]> = { ct: [], mr: [], general: [] }
    for (const sample of samples) {
      const { output } = await dcmtk('dcmdump', '-q', '+P', '0008,0060', '+P', '0008,0018', sample)
      const value = (tag: string) => output.match(new RegExp(`\\(${tag}\\).*\\[(.*)\\]`))?.[1] ?? ''
      expected[poolOf[value('0008,0060')] ?? 'general'].push(value('0008,0018'))
      const sending = await dcmtk('dcmsend', '--decompress-never', '127.0.0.1', String(stack.port), sample)
      assert.equal(sending.code, 0, sending.output)
    }
    const held = await stack.held()
    for (const pool of ['ct', 'mr', 'general'] as const) {
      assert.deepEqual(uids(held[pool]).sort(), expected[pool].sort(), pool)
    }
  })

  test('HAProxy and the agents are no root, write nothing, and may do nothing', async () => {
    for (const [service, file] of [
      ['haproxy', '/usr/local/etc/haproxy/pacs.cfg'],
      ['agent', '/app/agent/main.ts'],
      ['agent', '/app/agent/rules/90-default.yaml'],
    ] as const) {
      const told = await stack.sh(service, `id -u; grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/1/status`)
      assert.match(told, /^[1-9]\d*\n/, service)
      assert.match(told, /CapBnd:\t0+\nCapEff|CapEff:\t0+\nCapBnd:\t0+\n/, service)
      assert.match(told, /NoNewPrivs:\t1/, service)
      assert.match(await stack.sh(service, `echo >> ${file}`), /Read-only file system|Permission denied/)
      assert.match(await stack.sh(service, 'touch /new /tmp/new'), /(Read-only file system.*){2}/s)
    }
  })

  test("a PACS node reaches neither the agents nor HAProxy's own port", async () => {
    const reach = (host: string, port: number) =>
      stack.sh('orthanc-ct', `exec 3<>/dev/tcp/${host}/${port} && echo reached`)
    assert.equal(await reach('haproxy', 11112), 'reached')
    assert.match(await reach('haproxy', 11113), /refused/)
    const [agent = ''] = await stack.containers('agent')
    const address = await stack.docker(
      'inspect',
      '-f',
      '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}',
      agent,
    )
    for (const port of [9001, 9101]) {
      assert.match(await reach('agent', port), /not known|failure in name resolution/)
      const command = `timeout 1 bash -c 'exec 3<>/dev/tcp/${address.trim()}/${port}' || echo not reached`
      assert.match(await stack.sh('orthanc-ct', command), /not reached/)
    }
  })

  test('the image has a list of what is in it, and nothing that only development needs', async () => {
    const list = JSON.parse(await stack.sh('agent', 'cat sbom.cdx.json'))
    const listed = list.components.map(
      (part: { name: string; version: string }) => `${part.name}@${part.version}`,
    )
    const installed = await stack.sh(
      'agent',
      `node -p '
      const { packages } = require("/app/node_modules/.package-lock.json")
      const named = Object.entries(packages).filter(([path, { link }]) => path.startsWith("node_modules/") && !link)
      named.map(([path, { version }]) => path.replace(/.*node_modules\\//, "") + "@" + version).join("\\n")'`,
    )
    const names = installed.split('\n')
    assert.ok(names.some(name => name.startsWith('fastify@')))
    assert.deepEqual(
      names.filter(name => !listed.includes(name)),
      [],
    )
    const extra = await stack.sh(
      'agent',
      'ls node_modules/typescript node_modules/@biomejs agent/Dockerfile test',
    )
    assert.equal([...extra.matchAll(/No such file/g)].length, 4)
  })

  test('the dashboard asks for the password in the secret, not for that of the demo', async () => {
    const page = (password: string) =>
      fetch(`http://127.0.0.1:${stack.statsPort}/stats`, {
        headers: { authorization: `Basic ${Buffer.from(`admin:${password}`).toString('base64')}` },
      })
    assert.equal((await page('admin')).status, 401)
    assert.match(await (await page('compose-test')).text(), /orthanc|GENERAL/)
  })

  test('Prometheus reads HAProxy and each agent', async () => {
    interface Targets {
      activeTargets: { labels: { job: string }; health: string; lastError: string }[]
    }
    await waitUntil(
      async () => {
        const { activeTargets } = (await stack.prometheus('/api/v1/targets')) as Targets
        const up = activeTargets.filter(({ health }) => health === 'up')
        const jobs = up.map(({ labels }) => labels.job).sort()
        return up.length === activeTargets.length && jobs.join() === 'agent,agent,haproxy'
      },
      undefined,
      60_000,
    )
  })

  /** Fails unless each association that begins meanwhile stores its instance where it should. */
  async function noneFails(during: () => Promise<unknown>): Promise<void> {
    const sent = await underLoad(stack.port, during)
    assert.deepEqual(failed(sent), [])
    await eachIsHeldWhereItShould(sent)
  }

  /** What an operator does, with the one command that there is for it. */
  const operate = (...args: string[]) => stack.compose('run', '--rm', 'operate', ...args)
  const served = (pool: Pool) => stack.metric(`haproxy_backend_sessions_total{proxy="${pool}"}`)

  test('agents scaled 2 → 4 → 1 under load: no association fails', () =>
    noneFails(async () => {
      await scale(4)
      await scale(1)
    }))

  test('HAProxy reloaded ten times under load, with agents and PACS by their names: no association fails', () =>
    noneFails(async () => {
      for (let n = 0; n < 10; n++) assert.match(await operate('reload'), /^Reloaded\./m)
      await stack.agentsUp(2)
      await stack.pacsUp()
    }))

  test('a PACS node drained, over a reload, and ready again under load: only its pool has to wait', async () => {
    const sent = await underLoad(stack.port, async () => {
      assert.match(await operate('drain', 'mr/MR'), /^none is left$/m)
      await operate('reload')
      assert.equal(await served('mr'), 0)
      await waitUntil(async () => (await served('ct')) > 20)
      assert.equal(await served('mr'), 0)
      assert.match(await operate('ready', 'mr/MR'), /^mr\/MR takes associations/m)
      await waitUntil(async () => (await served('mr')) > 20)
    })
    const refused = failed(sent)
    assert.ok(refused.every(({ pool, result }) => pool === 'mr' && ['refused', 'aborted'].includes(result)))
    assert.notEqual(refused.length, 0)
    await eachIsHeldWhereItShould(sent)
  })

  test('one agent after the other restarted under load: no association fails', () =>
    noneFails(async () => {
      for (const agent of await stack.containers('agent')) {
        await stack.docker('restart', agent)
        await stack.agentsUp(2)
      }
    }))

  test('an Orthanc restarted under load: only associations of its pool fail, and then none', async () => {
    const sent = await underLoad(stack.port, async () => {
      await stack.compose('restart', 'orthanc-mr')
      // Docker knows sooner than HAProxy whether it is up again
      await stack.compose('up', '--detach', '--no-recreate', '--wait')
      await stack.pacsUp()
    })
    assert.deepEqual(
      failed(sent).filter(({ pool }) => pool !== 'mr'),
      [],
    )
    await eachIsHeldWhereItShould(sent)
    assert.deepEqual(failed(await burst(stack.port, 30)), [])
  })

  test('HAProxy restarted under load: connections are closed or refused, and then none', async () => {
    const sent = await underLoad(stack.port, async () => {
      await stack.compose('restart', 'haproxy')
      await stack.agentsUp(2)
      await stack.pacsUp()
    })
    const cut = ['closed', 'not connected']
    assert.deepEqual(
      failed(sent).filter(({ result }) => !cut.includes(result)),
      [],
    )
    await eachIsHeldWhereItShould(sent)
    assert.deepEqual(failed(await burst(stack.port, 30)), [])
  })

  test('rules that are saved serve in all agents, without a restart', async () => {
    const rules = 'rules: [{ name: saved, when: { callingAE: TEST-SCU }, route: general }]\n'
    writeFileSync(join(stack.folder, 'agent/rules/05-saved.yaml'), rules)
    const sopInstance = `1.2.4.${process.pid}`
    await waitUntil(async () => {
      const log = await stack.compose('logs', 'agent')
      return [...log.matchAll(/"trigger":"save".*"rules loaded"/g)].length === 2
    })
    const sent = await send(stack.port, 'mr', sopInstance)
    assert.equal(sent.result, 'stored')
    assert.ok(uids((await stack.held()).general).includes(sopInstance))
  })
})
