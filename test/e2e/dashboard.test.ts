import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startBalancer } from '../support/balancer.ts'
import { startPacs } from '../support/pacs.ts'

/** The dashboard of a balancer with this environment: the status of what it answers to a user and password, or to neither. */
async function dashboard(t: TestContext, env: Record<string, string>) {
  const pacs = await startPacs()
  t.after(() => pacs.stop())
  const pools = { ct: [{ name: 'CT', port: pacs.port }] }
  const balancer = await startBalancer({
    rules: 'default: ct\n',
    pools,
    agents: 1,
    down: ['agents/agent2'],
    env,
  })
  t.after(() => balancer.stop())
  return async (login?: string) => {
    const authorization = `Basic ${Buffer.from(login ?? '').toString('base64')}`
    const headers = login === undefined ? {} : { authorization }
    const { status } = await fetch(`http://127.0.0.1:${balancer.statsPort}/stats`, { headers })
    return status
  }
}

test('the dashboard asks for the password in STATS_PASSWORD_FILE, before that in STATS_PASSWORD', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'secret-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'password'), 'of the file\n')
  const status = await dashboard(t, {
    STATS_USER: 'viewer',
    STATS_PASSWORD: 'of the environment',
    STATS_PASSWORD_FILE: join(folder, 'password'),
  })
  assert.equal(await status('viewer:of the file'), 200)
  for (const login of [
    undefined,
    'viewer:',
    'admin:of the file',
    'viewer:of the environment',
    'viewer:Of the file',
  ])
    assert.equal(await status(login), 401, login)
})

test('with an empty file, nobody sees it', async t => {
  const status = await dashboard(t, { STATS_PASSWORD_FILE: '/dev/null' })
  for (const login of [undefined, 'admin:', 'admin:admin']) assert.equal(await status(login), 401, login)
})

test('with STATS_PASSWORD, it asks for that', async t => {
  const status = await dashboard(t, { STATS_PASSWORD: 'of the environment', STATS_PASSWORD_FILE: '' })
  assert.equal(await status('admin:of the environment'), 200)
  assert.equal(await status(), 401)
})
