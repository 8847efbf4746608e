import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { readConfig } from '../../agent/config.ts'
import { folderOf, ruleFile } from '../reload/support.ts'
import { adminUrl, startAgent } from '../support/balancer.ts'

const token = 'a token of the site'

function tokenFile(t: TestContext, content: string): string {
  const file = join(folderOf(t, ruleFile('one')), 'token')
  writeFileSync(file, content)
  return file
}

describe('the agent', { timeout: 60_000 }, () => {
  test('takes the token from a file, and ends what is streamed when it stops', async t => {
    const agent = await startAgent('agent', { ADMIN_TOKEN_FILE: tokenFile(t, `${token}\n`) })
    t.after(() => agent.stop())
    const url = await adminUrl(agent)
    assert.equal((await fetch(`${url}/decisions`)).status, 401)
    const headers = { authorization: `Bearer ${token}`, accept: 'text/event-stream' }
    const stream = await fetch(`${url}/decisions`, { headers })
    assert.equal(stream.status, 200)
    process.kill(agent.pid, 'SIGTERM')
    assert.equal(await stream.text(), '')
    assert.equal(await agent.ended, 0)
    assert.ok(!agent.output().includes(token))
  })
})

describe('the configuration', () => {
  const config = (variables: Record<string, string>) => () => readConfig(variables)

  test('has a token of the environment, or that of a file, or none', t => {
    assert.equal(readConfig({ ADMIN_TOKEN: token }).ADMIN_TOKEN, token)
    assert.equal(readConfig({ ADMIN_TOKEN_FILE: tokenFile(t, `${token}\n`) }).ADMIN_TOKEN, token)
    assert.equal(readConfig({}).ADMIN_TOKEN, undefined)
    const empty = readConfig({ ADMIN_TOKEN: '', ADMIN_TOKEN_FILE: '', METRICS_AE_TITLES: '' })
    assert.deepEqual([empty.ADMIN_TOKEN, empty.METRICS_AE_TITLES], [undefined, undefined])
  })

  test('refuses secrets that can be guessed, and a file that is not there or has none', t => {
    for (const name of ['ADMIN_TOKEN', 'LOG_PATIENT_SECRET']) {
      assert.throws(config({ [name]: 'short' }), new RegExp(`^Error: ${name}: must have 16 characters`))
    }
    assert.throws(
      config({ ADMIN_TOKEN_FILE: '/no/such/file' }),
      /ADMIN_TOKEN_FILE: it cannot be read: .*ENOENT/,
    )
    assert.throws(config({ ADMIN_TOKEN_FILE: tokenFile(t, '\n') }), /ADMIN_TOKEN_FILE: it is empty/)
  })

  test('has AE titles with commas between them', () => {
    const { METRICS_AE_TITLES } = readConfig({ METRICS_AE_TITLES: 'CT 1, MR_2,US' })
    assert.deepEqual(METRICS_AE_TITLES, ['CT 1', 'MR_2', 'US'])
  })
})
