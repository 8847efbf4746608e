import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientRequest, get as httpGet, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { describe, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { ruleFile } from '../reload/support.ts'
import { waitUntil } from '../support/haproxy.ts'
import { startAdmin } from './support.ts'

async function begin(t: TestContext) {
  const admin = await startAdmin(t, ruleFile('one'))
  await admin.app.listen({ host: '127.0.0.1', port: 0 })
  const [address] = admin.app.addresses()
  const port = typeof address === 'object' ? address.port : 0
  /** the decision about the association with this number */
  const decide = (number: number | string) =>
    admin.agent.decisions.add({ step: 'associate', id: `id-${number}`, source: '10.0.0.1', path: 'direct' })
  return { ...admin, port, decide }
}

const eventStream = { accept: 'text/event-stream' }

/** Listens, and collects what is told. */
async function listen(port: number) {
  const request: ClientRequest = httpGet({
    host: '127.0.0.1',
    port,
    path: '/decisions',
    headers: eventStream,
  })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const ids: string[] = []
  const lines = createInterface(response)
  // closing is an abort for Node.js
  for (const events of [request, response, lines]) events.on('error', () => {})
  lines.on('line', line => {
    if (line.startsWith('data: ')) ids.push(JSON.parse(line.slice('data: '.length)).id)
  })
  return { response, ids: () => ids, close: () => request.destroy() }
}

describe('GET /decisions', () => {
  test('tells the latest, the oldest first, and forgets those before', async t => {
    const { get, decide } = await begin(t)
    assert.deepEqual((await get('/decisions')).json(), { decisions: [] })
    for (let number = 1; number <= 250; number++) decide(number)
    const { decisions } = (await get('/decisions')).json()
    assert.equal(decisions.length, 200)
    const { time, ...first } = decisions[0]
    assert.deepEqual(first, { step: 'associate', id: 'id-51', source: '10.0.0.1', path: 'direct' })
    assert.ok(Number.isInteger(time))
    assert.equal(decisions.at(-1).id, 'id-250')
  })

  test('streams them, and all that come, to who accepts server-sent events', async t => {
    const { port, decide } = await begin(t)
    decide(1)
    decide(2)
    const listener = await listen(port)
    assert.equal(listener.response.statusCode, 200)
    assert.equal(listener.response.headers['content-type'], 'text/event-stream')
    await waitUntil(() => listener.ids().length === 2)
    decide(3)
    await waitUntil(() => listener.ids().length === 3)
    assert.deepEqual(listener.ids(), ['id-1', 'id-2', 'id-3'])
    listener.close()
  })

  test('answers at once, even before anything was decided', async t => {
    const { port } = await begin(t)
    const listener = await listen(port)
    assert.equal(listener.response.statusCode, 200)
    listener.close()
  })

  test('streams to so many at a time, and to another when one has gone', async t => {
    const { port, decide } = await begin(t)
    const listeners = await Promise.all(Array.from({ length: 20 }, () => listen(port)))
    const refused = await fetch(`http://127.0.0.1:${port}/decisions`, { headers: eventStream })
    assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '10'])
    assert.match(((await refused.json()) as { error: string }).error, /^20 are listening already/)
    assert.equal((await fetch(`http://127.0.0.1:${port}/decisions`)).status, 200)
    listeners.pop()?.close()
    const next = await waitUntil(async () => {
      const listener = await listen(port)
      return listener.response.statusCode === 200 ? listener : undefined
    })
    decide(1)
    for (const { ids } of [...listeners, next]) await waitUntil(() => ids().length === 1)
    for (const { close } of [...listeners, next]) close()
  })

  test('drops who does not read, and goes on for others', async t => {
    const { port, decide, app } = await begin(t)
    const lazy = connect(port, '127.0.0.1').on('error', () => {})
    await once(lazy, 'connect')
    lazy.pause().write('GET /decisions HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n')
    const reader = await listen(port)
    const connections = promisify(app.server.getConnections.bind(app.server))
    await waitUntil(async () => (await connections()) === 2)
    const long = 'x'.repeat(10_000)
    // the system keeps some megabytes for a connection
    for (let told = 0; (await connections()) === 2; ) {
      assert.ok(told < 10_000, 'it is never dropped')
      for (let burst = 0; burst < 10; burst++) decide(`${told++}${long}`)
      await waitUntil(() => reader.ids().length === told)
    }
    decide('last')
    await waitUntil(() => reader.ids().at(-1) === 'id-last')
    lazy.destroy()
    reader.close()
  })

  test('ends the streams when the agent stops', async t => {
    const { port, app } = await begin(t)
    const listener = await listen(port)
    const ended = once(listener.response, 'end')
    await app.close()
    await ended
  })
})
