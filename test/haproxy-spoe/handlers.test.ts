import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Handler, setVar } from '../../agent/haproxy-spoe/index.ts'
import { waitUntil } from '../support/haproxy.ts'
import { startAgent } from './agent-under-test.ts'
import { data, HELLO_ITEMS, message, notify, SpopPeer } from './spop-peer.ts'

/** A handler that answers when told to. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { opened: promise, open: resolve }
}

test('the actions of all messages of a NOTIFY come in one ACK, in message order', async t => {
  const later = async () => {
    await sleep(5)
    return [setVar('txn', 'later', 1)]
  }
  const { address } = await startAgent(t, {
    handlers: { now: () => [setVar('txn', 'now', 2)], later, none: () => {} },
  })
  const peer = await SpopPeer.open(address)
  peer.send(notify(7, 300, message('later'), message('none'), message('now')))
  const ack = await peer.receive()
  assert.deepEqual([ack?.type, ack?.streamId, ack?.frameId], [103, 7, 300])
  assert.deepEqual(ack?.actions, [
    [1, 3, 2, 'later', [4, 1n]],
    [1, 3, 2, 'now', [4, 2n]],
  ])
})

test('a handler gets name, ids, and arguments that stay valid after it returned', async t => {
  const seen: unknown[] = []
  const kept: Buffer[] = []
  const keep: Handler = async ({ name, args, streamId, frameId }) => {
    seen.push([name, streamId, frameId, args.names()])
    kept.push(args.bytes('rq') ?? Buffer.alloc(0))
    await sleep(1)
    return [setVar('txn', 'rq', args.string('rq') ?? '')]
  }
  const { address } = await startAgent(t, { handlers: { keep } })
  const peer = await SpopPeer.open(address)
  for (let frameId = 1; frameId <= 50; frameId++) {
    peer.send(notify(3, frameId, message('keep', { rq: data.string(`${frameId}`.repeat(500)) })))
  }
  for (let count = 1; count <= 50; count++) {
    const ack = await peer.receive()
    assert.equal(ack?.actions[0]?.[4]?.[1], `${ack?.frameId}`.repeat(500))
  }
  assert.deepEqual(seen[0], ['keep', 3, 1, ['rq']])
  assert.deepEqual(
    kept.map(String),
    Array.from({ length: 50 }, (_, index) => `${index + 1}`.repeat(500)),
  )
})

const failures: [string, Handler, string][] = [
  [
    'throws',
    () => {
      throw new Error('boom')
    },
    'boom bad',
  ],
  ['rejects', () => Promise.reject(new Error('boom')), 'boom bad'],
  ['rejects with no error', () => Promise.reject('boom'), 'SPOE_HANDLER_FAILED bad'],
  ['returns nonsense', () => 7 as never, 'SPOE_INVALID_ACTIONS bad'],
  ['never answers', () => new Promise(() => {}), 'SPOE_HANDLER_TIMEOUT bad'],
]

for (const [what, bad, code] of failures) {
  test(`a handler that ${what} costs only its own message`, async t => {
    const good = () => [setVar('txn', 'good', true)]
    const { address, codes, errors } = await startAgent(t, { handlers: { good, bad }, handlerTimeoutMs: 30 })
    const peer = await SpopPeer.open(address)
    peer.send(notify(1, 1, message('bad'), message('good')))
    assert.deepEqual((await peer.receive())?.actions, [[1, 3, 2, 'good', [1, true]]])
    assert.deepEqual(codes(), [code])
    const { peer: from, ...context } = errors[0]?.context ?? {}
    assert.deepEqual(context, { message: 'bad', streamId: 1, frameId: 1 })
    assert.match(from ?? '', /^127\.0\.0\.1:\d+$/)
  })
}

test('a message without handler has no actions and is reported once', async t => {
  const { address, codes } = await startAgent(t, { handlers: { good: () => [setVar('txn', 'x', 1)] } })
  const peer = await SpopPeer.open(address)
  for (const frameId of [1, 2]) {
    peer.send(notify(1, frameId, message('other'), message('constructor'), message('good')))
    assert.equal((await peer.receive())?.actions.length, 1)
  }
  assert.deepEqual(codes(), ['SPOE_NO_HANDLER other', 'SPOE_NO_HANDLER constructor'])
})

test('an error listener that throws is a process warning, not the end of the connection', async t => {
  const onError = () => {
    throw new Error('listener failed')
  }
  const warning = once(process, 'warning')
  const { address } = await startAgent(t, { handlers: {}, onError })
  const peer = await SpopPeer.open(address)
  peer.send(notify(1, 1, message('other')))
  assert.equal((await peer.receive())?.type, 103)
  assert.match(String((await warning)[0]), /listener failed/)
})

test('the signal is aborted when the time limit passes', async t => {
  const { promise: aborted, resolve } = Promise.withResolvers<void>()
  const slow: Handler = ({ signal }) => {
    signal.addEventListener('abort', () => resolve())
    return new Promise(() => {})
  }
  const { address } = await startAgent(t, { handlers: { slow }, handlerTimeoutMs: 20 })
  const peer = await SpopPeer.open(address)
  peer.send(notify(1, 1, message('slow')))
  assert.deepEqual((await peer.receive())?.actions, [])
  await aborted
})

test('the signal is aborted when HAProxy is gone', async t => {
  const started = gate()
  const { promise: aborted, resolve } = Promise.withResolvers<void>()
  const slow: Handler = ({ signal }) => {
    signal.addEventListener('abort', () => resolve())
    started.open()
    return new Promise(() => {})
  }
  const { address, errors, server } = await startAgent(t, { handlers: { slow } })
  const peer = await SpopPeer.open(address)
  peer.send(notify(1, 1, message('slow')))
  await started.opened
  peer.socket.resetAndDestroy()
  await aborted
  await waitUntil(() => server.connections === 0)
  assert.deepEqual(errors, [])
})

test('pipelined NOTIFYs are answered as they finish', async t => {
  const first = gate()
  const slow = async () => {
    await first.opened
    return [setVar('txn', 'slow', 1)]
  }
  const { address } = await startAgent(t, { handlers: { slow, fast: () => [] } })
  const peer = await SpopPeer.open(address)
  peer.send(notify(1, 1, message('slow')), notify(1, 2, message('fast')), notify(0, 1, message('fast')))
  const ids = async () => {
    const ack = await peer.receive()
    return [ack?.streamId, ack?.frameId]
  }
  assert.deepEqual(
    [await ids(), await ids()],
    [
      [1, 2],
      [0, 1],
    ],
  )
  first.open()
  assert.deepEqual(await ids(), [1, 1])
})

test('the same ids on two connections do not meet', async t => {
  const echo: Handler = async ({ args }) => {
    await sleep(2)
    return [setVar('txn', 'who', args.string('who') ?? '')]
  }
  const { address } = await startAgent(t, { handlers: { echo } })
  const [one, two] = await Promise.all([SpopPeer.open(address), SpopPeer.open(address)])
  one.send(notify(0, 1, message('echo', { who: data.string('one') })))
  two.send(notify(0, 1, message('echo', { who: data.string('two') })))
  assert.equal((await two.receive())?.actions[0]?.[4]?.[1], 'two')
  assert.equal((await one.receive())?.actions[0]?.[4]?.[1], 'one')
})

for (const [kind, handler] of [
  ['synchronous', () => [setVar('txn', 'x', 1)]],
  ['asynchronous', async () => [setVar('txn', 'x', 1)]],
] as const) {
  test(`ACKs of ${kind} handlers that are ready together leave in one write`, async t => {
    const { address } = await startAgent(t, { handlers: { handler } })
    const peer = await SpopPeer.open(address)
    const before = peer.chunks.length
    peer.send(...Array.from({ length: 20 }, (_, index) => notify(1, index, message('handler'))))
    for (let count = 0; count < 20; count++) assert.equal((await peer.receive())?.type, 103)
    assert.equal(peer.chunks.length - before, 1)
  })
}

test('no more NOTIFYs than the limit are under way, and the others follow', async t => {
  let running = 0
  let most = 0
  const slow = async () => {
    most = Math.max(most, ++running)
    await sleep(2)
    running--
  }
  const { address } = await startAgent(t, { handlers: { slow }, maxInFlight: 3 })
  const peer = await SpopPeer.open(address)
  peer.send(...Array.from({ length: 50 }, (_, index) => notify(1, index, message('slow'))))
  for (let count = 0; count < 50; count++) assert.equal((await peer.receive())?.type, 103)
  assert.equal(most, 3)
})

test('a peer that does not read is not read from, and gets all answers when it does', async t => {
  let handled = 0
  const value = 'x'.repeat(10_000)
  const large = () => {
    handled++
    return [setVar('txn', 'large', value)]
  }
  const { address } = await startAgent(t, { handlers: { large } })
  const peer = await SpopPeer.open(address)
  peer.socket.pause()
  const total = 5000
  peer.send(...Array.from({ length: total }, (_, index) => notify(1, index, message('large'))))
  let before = -1
  await waitUntil(async () => {
    const stalled = handled === before && handled > 0
    before = handled
    await sleep(50)
    return stalled
  })
  assert.ok(handled < total, `${handled} of ${total} answered although nobody reads`)
  peer.socket.resume()
  for (let count = 0; count < total; count++) assert.equal((await peer.receive())?.type, 103)
})

test('an ACK beyond the negotiated size is sent without actions and reported', async t => {
  const { address, codes } = await startAgent(t, {
    handlers: { large: () => [setVar('txn', 'x', 'y'.repeat(300))] },
  })
  const peer = await SpopPeer.open(address, { ...HELLO_ITEMS, 'max-frame-size': data.uint32(256) })
  peer.send(notify(1, 1, message('large')))
  assert.deepEqual((await peer.receive())?.actions, [])
  assert.deepEqual(codes(), ['SPOE_ACK_TOO_BIG'])
})
