import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ruleFile } from '../reload/support.ts'
import { startAdmin } from './support.ts'

const token = 'a token of the site'
const open = ['GET /livez', 'GET /readyz', 'GET /metrics', 'GET /', 'GET /console.js']
const guarded = [
  'GET /rules',
  'GET /pools',
  'POST /explain',
  'POST /-/reload',
  'GET /decisions',
  'GET /openapi.json',
  'GET /nothing',
]

/** The status of each request, where it is not that of a stranger. */
async function statuses(
  app: Awaited<ReturnType<typeof startAdmin>>['app'],
  requests: readonly string[],
  { headers = {}, remoteAddress = '127.0.0.1' } = {},
): Promise<number[]> {
  const answers = requests.map(async request => {
    const [method, url] = request.split(' ') as ['GET' | 'POST', string]
    const payload = url === '/explain' ? { Modality: 'CT' } : undefined
    const options = { method, url, headers, remoteAddress, ...(payload && { payload }) }
    return (await app.inject(options)).statusCode
  })
  return Promise.all(answers)
}

const all = (status: number) => guarded.map(() => status)
const found = [200, 200, 200, 200, 200, 200, 404]

describe('with a token, the admin port', () => {
  test('answers health, metrics and the empty console to everyone, and nothing else', async t => {
    const { app } = await startAdmin(t, ruleFile('one'), token)
    for (const remoteAddress of ['127.0.0.1', '10.0.0.1']) {
      assert.deepEqual(
        await statuses(app, open, { remoteAddress }),
        open.map(() => 200),
      )
      assert.deepEqual(await statuses(app, guarded, { remoteAddress }), all(401))
    }
  })

  test('answers all to who has it, from anywhere', async t => {
    const { app } = await startAdmin(t, ruleFile('one'), token)
    const options = {
      headers: { authorization: `Bearer ${token}`, host: 'agent:9101' },
      remoteAddress: '10.0.0.1',
    }
    assert.deepEqual(await statuses(app, guarded, options), found)
  })

  test('does not take anything that is like it', async t => {
    const { app } = await startAdmin(t, ruleFile('one'), token)
    for (const authorization of [
      '',
      token,
      `Basic ${token}`,
      'Bearer',
      `Bearer ${token} `,
      `Bearer ${token}x`,
    ]) {
      assert.deepEqual(await statuses(app, guarded, { headers: { authorization } }), all(401), authorization)
    }
  })

  test('says how to send it', async t => {
    const { get } = await startAdmin(t, ruleFile('one'), token)
    const { headers, ...response } = await get('/rules')
    assert.equal(headers['www-authenticate'], 'Bearer')
    assert.match(response.json().error, /ADMIN_TOKEN: "Authorization: Bearer TOKEN"/)
  })

  test('reloads nothing for a stranger', async t => {
    const { post, rules } = await startAdmin(t, ruleFile('one'), token)
    const { lastReload } = rules
    await post('/-/reload')
    assert.equal(rules.lastReload, lastReload)
  })
})

describe('without a token, the admin port', () => {
  test('answers all to its own machine', async t => {
    const { app } = await startAdmin(t, ruleFile('one'))
    for (const remoteAddress of ['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1']) {
      assert.deepEqual(await statuses(app, guarded, { remoteAddress }), found, remoteAddress)
    }
    for (const host of ['localhost', 'localhost:9101', '127.0.0.1:9101', '[::1]:9101']) {
      assert.deepEqual(await statuses(app, guarded, { headers: { host } }), found, host)
    }
  })

  test('answers health, metrics and the empty console only to others, and says what to do', async t => {
    const { app } = await startAdmin(t, ruleFile('one'))
    for (const remoteAddress of ['10.0.0.1', '2001:db8::1', '::ffff:10.0.0.1']) {
      assert.deepEqual(
        await statuses(app, open, { remoteAddress }),
        open.map(() => 200),
      )
      assert.deepEqual(await statuses(app, guarded, { remoteAddress }), all(403), remoteAddress)
    }
    const response = await app.inject({ url: '/rules', remoteAddress: '10.0.0.1' })
    assert.match(response.json().error, /set ADMIN_TOKEN or ADMIN_TOKEN_FILE/)
  })

  test('answers no web page that has a name of its own lead here', async t => {
    const { app } = await startAdmin(t, ruleFile('one'))
    for (const host of ['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example:9101']) {
      assert.deepEqual(await statuses(app, guarded, { headers: { host } }), all(403), host)
    }
  })
})
