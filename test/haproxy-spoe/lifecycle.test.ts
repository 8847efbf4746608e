import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createSpoeServer, type FrameName, setVar } from '../../agent/haproxy-spoe/index.ts'
import { waitUntil } from '../support/haproxy.ts'
import { startAgent } from './agent-under-test.ts'
import { disconnect, hello, message, notify, SpopPeer } from './spop-peer.ts'

async function socketPath(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'spoe-'))
  t.after(() => rm(dir, { recursive: true }))
  return join(dir, 'agent.sock')
}

test('close answers what is under way, says DISCONNECT 0 and closes', async t => {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>()
  const { promise: started, resolve: start } = Promise.withResolvers<void>()
  const slow = async () => {
    start()
    await opened
    return [setVar('txn', 'x', 1)]
  }
  const { address, server } = await startAgent(t, { handlers: { slow } })
  const [busy, idle] = await Promise.all([SpopPeer.open(address), SpopPeer.open(address)])
  busy.send(notify(1, 1, message('slow')))
  await started
  const closed = server.close()
  assert.equal(await idle.disconnected(), 0)
  await assert.rejects(SpopPeer.connect(address), { code: 'ECONNREFUSED' })
  open()
  const frames = await busy.receiveAll()
  assert.deepEqual(
    frames.map(({ type, actions }) => [type, actions.length]),
    [
      [103, 1],
      [102, 0],
    ],
  )
  assert.deepEqual(frames[1]?.items['status-code'], [3, 0n])
  await closed
  assert.equal(server.connections, 0)
})

test('NOTIFYs that arrive while a connection drains are answered, too', async t => {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>()
  const { promise: started, resolve: start } = Promise.withResolvers<void>()
  const slow = async () => {
    start()
    await opened
  }
  const { address, server } = await startAgent(t, { handlers: { slow, fast: () => {} } })
  const peer = await SpopPeer.open(address)
  peer.send(notify(1, 1, message('slow')))
  await started
  const closed = server.close()
  peer.send(notify(1, 2, message('fast')))
  assert.equal((await peer.receive())?.frameId, 2)
  open()
  assert.equal((await peer.receive())?.frameId, 1)
  assert.equal(await peer.disconnected(), 0)
  await closed
})

test('during noticeMs close goes on answering and accepts no more, and it is over with the last connection', async t => {
  const { address, server } = await startAgent(t, { handlers: { fast: () => {} } })
  const peer = await SpopPeer.open(address)
  const closed = server.close({ noticeMs: 3_600_000 })
  await assert.rejects(SpopPeer.open(address), /ECONNREFUSED/)
  for (const frameId of [1, 2]) {
    peer.send(notify(1, frameId, message('fast')))
    assert.equal((await peer.receive())?.frameId, frameId)
  }
  peer.close()
  await closed
})

test('after graceMs close cuts what is still under way', async t => {
  const { promise: started, resolve: start } = Promise.withResolvers<void>()
  const stuck = () => {
    start()
    return new Promise<undefined>(() => {})
  }
  const { address, server } = await startAgent(t, { handlers: { stuck }, handlerTimeoutMs: 60_000 })
  const peer = await SpopPeer.open(address)
  peer.send(notify(1, 1, message('stuck')))
  await started
  await server.close({ graceMs: 20 })
  assert.equal(server.connections, 0)
  assert.deepEqual(await peer.receiveAll(), [])
})

test('closing twice, or before listening, is fine', async () => {
  const server = createSpoeServer({ handlers: {} })
  await server.close()
  const other = createSpoeServer({ handlers: {} })
  await other.listen({ host: '127.0.0.1', port: 0 })
  await Promise.all([other.close(), other.close()])
})

test('connections counts the open ones', async t => {
  const { address, server } = await startAgent(t, { handlers: {} })
  const peers = await Promise.all([SpopPeer.open(address), SpopPeer.open(address)])
  assert.equal(server.connections, 2)
  for (const peer of peers) peer.close()
  await waitUntil(() => server.connections === 0)
})

test('onFrame is told of every frame that is taken up or sent, by its name', async t => {
  const frames: FrameName[] = []
  const { address } = await startAgent(t, { handlers: {}, onFrame: name => frames.push(name) })
  const peer = await SpopPeer.connect(address)
  peer.send(hello())
  await peer.receive()
  peer.send(notify(1, 1))
  await peer.receive()
  peer.send(disconnect())
  await peer.receiveAll()
  assert.deepEqual(frames, [
    'HAPROXY-HELLO',
    'AGENT-HELLO',
    'NOTIFY',
    'ACK',
    'HAPROXY-DISCONNECT',
    'AGENT-DISCONNECT',
  ])
})

test('a taken port rejects listen', async t => {
  const { address } = await startAgent(t, { handlers: {} })
  await assert.rejects(createSpoeServer({ handlers: {} }).listen(address), { code: 'EADDRINUSE' })
})

test('on a Unix socket: serves, keeps a second agent out, removes the file', async t => {
  const path = await socketPath(t)
  const server = createSpoeServer({ handlers: { ping: () => [] } })
  t.after(() => server.close({ graceMs: 0 }))
  assert.equal(await server.listen({ path }), path)
  const peer = await SpopPeer.open({ path })
  peer.send(notify(1, 1, message('ping')))
  assert.equal((await peer.receive())?.type, 103)
  await assert.rejects(createSpoeServer({ handlers: {} }).listen({ path }), { code: 'EADDRINUSE' })
  await server.close()
  assert.equal(existsSync(path), false)
})

test('a socket file that a killed agent left is taken over', async t => {
  const path = await socketPath(t)
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  await once(spawn(process.execPath, ['-e', script]), 'exit')
  assert.equal(existsSync(path), true)
  const server = createSpoeServer({ handlers: {} })
  t.after(() => server.close({ graceMs: 0 }))
  await server.listen({ path })
  await SpopPeer.open({ path }).then(peer => peer.close())
})

test('a file that is no socket is left alone', async t => {
  const path = await socketPath(t)
  await writeFile(path, 'precious')
  await assert.rejects(createSpoeServer({ handlers: {} }).listen({ path }), { code: 'EADDRINUSE' })
  assert.equal(existsSync(path), true)
})

for (const limits of [
  { maxFrameSize: 255 },
  { maxInFlight: 0 },
  { helloTimeoutMs: Number.NaN },
  { maxArgs: 1.5 },
]) {
  test(`${JSON.stringify(limits)} is refused`, () => {
    assert.throws(() => createSpoeServer({ handlers: {}, ...limits }), RangeError)
  })
}
