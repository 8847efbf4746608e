import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { badFile, problemsIn, ruleFile } from '../reload/support.ts'
import { startAdmin } from './support.ts'

describe('the admin port', () => {
  test('/livez answers, whatever the agent is doing', async t => {
    const { agent, get } = await startAdmin(t, ruleFile('before'))
    for (const phase of ['starting', 'serving', 'stopping'] as const) {
      agent.phase = phase
      const response = await get('/livez')
      assert.deepEqual([response.statusCode, response.json()], [200, { status: 'ok' }])
    }
  })

  test('/readyz is 200 while the agent serves only, and tells by which rules', async t => {
    const { agent, rules, get } = await startAdmin(t, ruleFile('before'))
    const { hash, loadedAt } = rules.serving
    const expected = { starting: 503, serving: 200, stopping: 503 }
    for (const phase of ['starting', 'serving', 'stopping'] as const) {
      agent.phase = phase
      const response = await get('/readyz')
      assert.equal(response.statusCode, expected[phase])
      assert.deepEqual(response.json(), {
        status: phase,
        rules: { hash, count: 1, loadedAt: loadedAt.toISOString() },
        lastReload: { ok: true, trigger: 'start', at: loadedAt.toISOString(), hash },
      })
    }
  })

  test('/readyz is 200 while rules that were refused wait to be mended, and tells what is wrong', async t => {
    const { rules, folder, get, write } = await startAdmin(t, ruleFile('before'))
    const { hash } = rules.serving
    write(badFile)
    await rules.poll()
    await rules.poll()
    const response = await get('/readyz')
    assert.equal(response.statusCode, 200)
    const body = response.json()
    assert.equal(body.rules.hash, hash)
    assert.equal(body.lastReload.ok, false)
    assert.notEqual(body.lastReload.hash, hash)
    assert.deepEqual(body.lastReload.problems, problemsIn(folder))
  })

  test('POST /-/reload answers 200 with the hash of the rules that serve now', async t => {
    const { rules, get, write, post } = await startAdmin(t, ruleFile('before'))
    const { hash } = rules.serving
    write(ruleFile('after'))
    const response = await post('/-/reload')
    assert.equal(response.statusCode, 200)
    assert.match(response.body, /^[0-9a-f]{12}\n$/)
    assert.equal(response.body.trim(), rules.serving.hash)
    assert.notEqual(rules.serving.hash, hash)
    assert.equal((await get('/readyz')).json().lastReload.trigger, 'POST')
  })

  test('POST /-/reload answers 422 with all that is wrong, as text', async t => {
    const { rules, folder, write, post } = await startAdmin(t, ruleFile('before'))
    const { serving } = rules
    write(badFile)
    const response = await post('/-/reload')
    assert.equal(response.statusCode, 422)
    assert.match(String(response.headers['content-type']), /^text\/plain/)
    assert.equal(response.body, `${problemsIn(folder).join('\n')}\n`)
    assert.equal(rules.serving, serving)
  })

  test('a GET of /-/reload reloads nothing', async t => {
    const { get, logged } = await startAdmin(t, ruleFile('before'))
    assert.equal((await get('/-/reload')).statusCode, 404)
    assert.equal(logged.length, 1)
  })

  test('is asked every few seconds, and logs nothing of that', async t => {
    const { get, logged } = await startAdmin(t, ruleFile('before'))
    for (const url of ['/livez', '/readyz', '/nothing']) await get(url)
    assert.deepEqual(
      logged.map(({ msg }) => msg),
      ['rules loaded'],
    )
  })
})
