import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import type { Running } from '../../deploy/local/processes.ts'
import { adminUrl, startAgent } from '../support/balancer.ts'
import { badFile, folderOf, problemsIn, ruleFile } from './support.ts'

async function launch(t: TestContext, env: Record<string, string>): Promise<Running> {
  const agent = await startAgent('agent', env)
  t.after(() => agent.stop())
  return agent
}

async function begin(t: TestContext, folder: string) {
  const agent = await launch(t, { RULES: folder })
  const url = await adminUrl(agent)
  return {
    agent,
    url,
    ready: async () => {
      const response = await fetch(`${url}/readyz`)
      return { code: response.status, ...((await response.json()) as Ready) }
    },
    loaded: (trigger: string) =>
      hashIn(agent, new RegExp(`"trigger":"${trigger}","hash":"(\\w+)".*rules loaded`)),
  }
}

type Ready = { rules: { hash: string }; lastReload: { ok: boolean; hash: string; problems?: string[] } }

async function hashIn(agent: Running, pattern: RegExp): Promise<string> {
  const [, hash = ''] = await agent.wrote(pattern)
  return hash
}

// each test waits for what agents say; the limit is for one that says nothing, on a machine however busy
describe('the agent', { timeout: 300_000 }, () => {
  test('serves rules as soon as they are saved, as another does that reads the same', async t => {
    const folder = folderOf(t, ruleFile('before'))
    const [one, other] = await Promise.all([begin(t, folder), begin(t, folder)])
    const before = (await one.ready()).rules.hash
    assert.equal(await one.loaded('start'), before)
    writeFileSync(join(folder, 'rules.yaml'), ruleFile('after'))
    const hash = await one.loaded('save')
    assert.notEqual(hash, before)
    assert.equal(await other.loaded('save'), hash)
    assert.equal((await one.ready()).rules.hash, hash)
    assert.equal((await other.ready()).rules.hash, hash)
  })

  test('goes on with the rules before when what is saved is wrong, and takes what mends it', async t => {
    const folder = folderOf(t, ruleFile('before'))
    const { agent, ready, loaded } = await begin(t, folder)
    const { rules } = await ready()
    writeFileSync(join(folder, 'rules.yaml'), badFile)
    const refused = await hashIn(agent, /"trigger":"save","hash":"(\w+)".*rules refused/)
    const told = await ready()
    assert.deepEqual([told.code, told.rules], [200, rules])
    assert.deepEqual([told.lastReload.ok, told.lastReload.hash], [false, refused])
    assert.deepEqual(told.lastReload.problems, problemsIn(folder))
    writeFileSync(join(folder, 'rules.yaml'), ruleFile('after'))
    const hash = await loaded('save')
    assert.equal((await ready()).rules.hash, hash)
    assert.equal(agent.output().match(/rules refused/g)?.length, 1)
  })

  test('reloads on SIGHUP, and on POST /-/reload', async t => {
    const folder = folderOf(t, ruleFile('before'))
    const { agent, url, ready, loaded } = await begin(t, folder)
    process.kill(agent.pid, 'SIGHUP')
    assert.equal(await loaded('SIGHUP'), (await ready()).rules.hash)
    writeFileSync(join(folder, 'rules.yaml'), ruleFile('after'))
    const reload = await fetch(`${url}/-/reload`, { method: 'POST' })
    assert.equal(reload.status, 200)
    assert.equal((await reload.text()).trim(), (await ready()).rules.hash)
    writeFileSync(join(folder, 'rules.yaml'), badFile)
    const refused = await fetch(`${url}/-/reload`, { method: 'POST' })
    assert.equal(refused.status, 422)
    assert.equal(await refused.text(), `${problemsIn(folder).join('\n')}\n`)
  })

  test('stops though a client of the admin port keeps its connection, and half a question, open', async t => {
    const { agent, url } = await begin(t, folderOf(t, ruleFile('before')))
    const client = connect(Number(new URL(url).port), '127.0.0.1')
    await once(client, 'connect')
    client
      .on('error', () => {})
      .write('GET /livez HTTP/1.1\r\nHost: agent\r\n\r\nPOST /-/reload HTTP/1.1\r\nHo')
    await once(client, 'data')
    process.kill(agent.pid, 'SIGTERM')
    assert.equal(await agent.ended, 0)
    assert.doesNotMatch(agent.output(), /rror/)
  })

  test('ends with what to do when a port of its own is taken', async t => {
    const folder = folderOf(t, ruleFile('before'))
    const { url } = await begin(t, folder)
    const taken = new URL(url).host
    for (const variable of ['ADMIN_LISTEN', 'SPOP_LISTEN']) {
      const second = await launch(t, { RULES: folder, [variable]: taken })
      assert.equal(await second.ended, 1)
      assert.match(second.output(), new RegExp(`EADDRINUSE: address already in use ${taken}`))
      if (variable === 'ADMIN_LISTEN') assert.match(second.output(), /^ADMIN_LISTEN: .* choose another/m)
    }
  })

  test('ends with all that is wrong when it is started with wrong rules', async t => {
    const folder = folderOf(t, badFile)
    const agent = await launch(t, { RULES: folder })
    assert.equal(await agent.ended, 1)
    assert.equal(agent.output(), `${problemsIn(folder).join('\n')}\n`)
  })
})
