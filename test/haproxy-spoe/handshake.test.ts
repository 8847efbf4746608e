import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startAgent } from './agent-under-test.ts'
import { CAPTURED, DISCONNECT, HEALTHCHECK_HELLO, HELLO, NOTIFY } from './captured.ts'
import {
  ABORT,
  data,
  disconnect,
  FIN,
  frame,
  HELLO_ITEMS,
  hello,
  kvList,
  lengthPrefixed,
  message,
  notify,
  SpopPeer,
} from './spop-peer.ts'

const start = (t: TestContext, limits = {}) =>
  startAgent(t, { handlers: { everything: () => [] }, ...limits })

test('HELLO gets version 2.0, the smaller frame size, and pipelining', async t => {
  const { address } = await start(t)
  const peer = await SpopPeer.connect(address)
  peer.send(HELLO)
  const reply = await peer.receive()
  assert.deepEqual(reply?.items, {
    version: [8, '2.0'],
    'max-frame-size': [3, 16380n],
    capabilities: [8, 'pipelining'],
  })
  assert.deepEqual([reply?.type, reply?.flags, reply?.streamId, reply?.frameId], [101, FIN, 0, 0])
  assert.equal(peer.chunks.length, 1, 'AGENT-HELLO in one piece')
})

test('max-frame-size is never above our own, either', async t => {
  const { address } = await start(t, { maxFrameSize: 1000 })
  const peer = await SpopPeer.connect(address)
  peer.send(hello())
  assert.deepEqual((await peer.receive())?.items['max-frame-size'], [3, 1000n])
})

test('capabilities that HAProxy does not offer are not announced', async t => {
  const { address } = await start(t)
  const peer = await SpopPeer.connect(address)
  peer.send(hello({ ...HELLO_ITEMS, capabilities: data.string(' fragmentation , async') }))
  assert.deepEqual((await peer.receive())?.items.capabilities, [8, ''])
})

test('versions and capabilities may be spaced lists', async t => {
  const { address } = await start(t)
  const items = {
    'supported-versions': data.string('1.5 , 2.1'),
    capabilities: data.string('async , pipelining'),
  }
  const peer = await SpopPeer.connect(address)
  peer.send(hello({ ...HELLO_ITEMS, ...items }))
  assert.deepEqual((await peer.receive())?.items.capabilities, [8, 'pipelining'])
})

test('a health check gets AGENT-HELLO and a close, without DISCONNECT', async t => {
  const { address, errors } = await start(t)
  const peer = await SpopPeer.connect(address)
  peer.send(HEALTHCHECK_HELLO)
  const frames = await peer.receiveAll()
  assert.deepEqual(
    frames.map(({ type, items }) => [type, items.capabilities]),
    [[101, [8, '']]],
  )
  assert.deepEqual(errors, [])
})

test('HAPROXY-DISCONNECT gets AGENT-DISCONNECT with status 0', async t => {
  const { address, errors } = await start(t)
  const peer = await SpopPeer.open(address)
  peer.send(DISCONNECT)
  assert.equal(await peer.disconnected(), 0)
  assert.deepEqual(errors, [], 'an idle connection that HAProxy gives up is no error')
})

test('the reason of a HAPROXY-DISCONNECT is reported', async t => {
  const { address, codes } = await start(t)
  const peer = await SpopPeer.open(address)
  peer.send(disconnect(3, 'frame is too big'))
  assert.equal(await peer.disconnected(), 0)
  assert.deepEqual(codes(), ['SPOP_PROTOCOL 3'])
})

test('of text that a peer sends, an error holds the beginning', async t => {
  const { address, errors } = await start(t)
  const long = 'x'.repeat(10_000)
  const peer = await SpopPeer.open(address)
  peer.send(notify(1, 1, message(long)), disconnect(1, long))
  assert.equal(await peer.disconnected(), 0)
  assert.deepEqual(
    errors.map(({ error }) => error.message.length),
    [203, 203],
  )
})

test('nothing is answered after HAPROXY-DISCONNECT', async t => {
  const { address } = await start(t)
  const peer = await SpopPeer.open(address)
  peer.send(disconnect(), notify(1, 1, message('everything')))
  assert.deepEqual(
    (await peer.receiveAll()).map(({ type }) => type),
    [102],
  )
})

const without = (name: string) =>
  Object.fromEntries(Object.entries(HELLO_ITEMS).filter(([key]) => key !== name))
const badHellos: [string, number, Buffer][] = [
  ['without versions', 5, hello(without('supported-versions'))],
  ['without max-frame-size', 6, hello(without('max-frame-size'))],
  ['without capabilities', 7, hello(without('capabilities'))],
  ['of version 1', 8, hello({ ...HELLO_ITEMS, 'supported-versions': data.string('1.0') })],
  ['of version 20', 8, hello({ ...HELLO_ITEMS, 'supported-versions': data.string('20.0') })],
  ['with frames of 255 bytes', 9, hello({ ...HELLO_ITEMS, 'max-frame-size': data.uint32(255) })],
  ['with frames of 2^60 bytes', 9, hello({ ...HELLO_ITEMS, 'max-frame-size': data.uint64(2n ** 60n) })],
  ['with a version that is no string', 4, hello({ ...HELLO_ITEMS, 'supported-versions': data.int64(2) })],
  [
    'with a max-frame-size that is no integer',
    4,
    hello({ ...HELLO_ITEMS, 'max-frame-size': data.string('1') }),
  ],
  ['in fragments', 10, frame({ type: 1, flags: 0, payload: kvList(HELLO_ITEMS) })],
  ['with a stream-id', 4, frame({ type: 1, streamId: 1, payload: kvList(HELLO_ITEMS) })],
]

for (const [what, status, bytes] of badHellos) {
  test(`HELLO ${what} gets DISCONNECT ${status}`, async t => {
    const { address, codes } = await start(t)
    const peer = await SpopPeer.connect(address)
    peer.send(bytes)
    assert.equal(await peer.disconnected(), status)
    assert.deepEqual(codes(), [`SPOP_PROTOCOL ${status}`])
  })
}

test('no HELLO in time gets DISCONNECT 2', async t => {
  const { address } = await start(t, { helloTimeoutMs: 20 })
  const peer = await SpopPeer.connect(address)
  peer.send(HELLO.subarray(0, 40))
  assert.equal(await peer.disconnected(), 2)
})

test('NOTIFY before HELLO gets DISCONNECT 4', async t => {
  const { address } = await start(t)
  const peer = await SpopPeer.connect(address)
  peer.send(NOTIFY)
  assert.equal(await peer.disconnected(), 4)
})

const everything = message('everything')
const badFrames: [string, number, Buffer][] = [
  ['a second HELLO', 4, HELLO],
  ['an ACK from HAProxy', 4, frame({ type: 103, streamId: 1, frameId: 1 })],
  ['a NOTIFY in fragments', 10, frame({ type: 3, flags: 0, streamId: 1, frameId: 1, payload: everything })],
  [
    'a fragment that follows',
    10,
    frame({ type: 0, flags: FIN, streamId: 1, frameId: 1, payload: everything }),
  ],
  ['a fragment that aborts', 10, frame({ type: 0, flags: FIN | ABORT, streamId: 1, frameId: 1 })],
  ['a frame beyond the negotiated size', 3, Buffer.from([0, 0, 0x3f, 0xfd])],
  ['a frame of 4 GB', 3, Buffer.from('ffffffff', 'hex')],
  ['a frame without room for its header', 4, Buffer.from('00000006', 'hex')],
  ['a stream-id that never ends', 4, lengthPrefixed(Buffer.from(`0300000001ff${'80'.repeat(40)}`, 'hex'))],
  ['a NOTIFY of 65 messages', 13, notify(1, 1, ...Array(65).fill(everything))],
  ['a message of 129 arguments', 13, notify(1, 1, message('x', manyArgs(129)))],
  ['a value of an unknown type', 4, notify(1, 1, message('x', { a: Buffer.from([0x0a]) }))],
  ['a DISCONNECT without status', 4, frame({ type: 2, payload: kvList({ message: data.string('x') }) })],
  ['a DISCONNECT without message', 4, frame({ type: 2, payload: kvList({ 'status-code': data.uint32(0) }) })],
]

function manyArgs(count: number) {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`a${index}`, data.null()]))
}

for (const [what, status, bytes] of badFrames) {
  test(`${what} gets DISCONNECT ${status}`, async t => {
    const { address, codes } = await start(t)
    const peer = await SpopPeer.open(address)
    peer.send(bytes)
    assert.equal(await peer.disconnected(), status)
    assert.deepEqual(codes(), [`SPOP_PROTOCOL ${status}`])
  })
}

test('64 messages, and 128 arguments, are within the limits', async t => {
  const { address } = await start(t)
  const peer = await SpopPeer.open(address)
  peer.send(notify(1, 1, ...Array(64).fill(everything)), notify(1, 2, message('everything', manyArgs(128))))
  assert.equal((await peer.receive())?.type, 103)
  assert.equal((await peer.receive())?.type, 103)
})

test('frames of unknown types are skipped', async t => {
  const { address } = await start(t)
  const peer = await SpopPeer.open(address)
  peer.send(frame({ type: 42, flags: 0 }), frame({ type: 200 }), NOTIFY)
  assert.equal((await peer.receive())?.type, 103)
})

test('ABORT on a frame that is whole is ignored', async t => {
  const { address } = await start(t)
  const peer = await SpopPeer.open(address)
  peer.send(frame({ type: 3, flags: FIN | ABORT, streamId: 1, frameId: 1, payload: everything }))
  assert.equal((await peer.receive())?.type, 103)
})

test('answers that are ready when a malformed frame arrives go out before the DISCONNECT', async t => {
  const { address } = await start(t)
  const peer = await SpopPeer.open(address)
  peer.send(NOTIFY, HELLO)
  assert.deepEqual(
    (await peer.receiveAll()).map(({ type }) => type),
    [103, 102],
  )
})

for (const [name, bytes] of Object.entries(CAPTURED)) {
  test(`${name} byte by byte is answered like in one piece`, async t => {
    const { address } = await start(t)
    const first = name.endsWith('HELLO') ? await SpopPeer.connect(address) : await SpopPeer.open(address)
    for (const byte of bytes) {
      first.send(Buffer.from([byte]))
      await new Promise(setImmediate)
    }
    assert.equal((await first.receive())?.type, { NOTIFY: 103, DISCONNECT: 102 }[name] ?? 101)
  })

  test(`${name} with any byte changed is answered, refused or waited for, and the server goes on`, async t => {
    const { address, errors } = await start(t)
    const preamble = name.endsWith('HELLO') ? [] : [HELLO]
    for (let at = 0; at < bytes.length; at++) {
      const mutated = Buffer.from(bytes)
      mutated[at] = (mutated[at] ?? 0) ^ 0xff
      const peer = await SpopPeer.connect(address)
      peer.socket.end(Buffer.concat([...preamble, mutated]))
      for (const { type, items } of await peer.receiveAll()) {
        if (type !== 102) continue
        const status = Number(items['status-code']?.[1])
        assert.ok(status === 0 || (status >= 3 && status <= 13), `status ${status} for byte ${at}`)
      }
      peer.close()
    }
    assert.ok(errors.every(({ error }) => !error.message.includes('internal')))
    const peer = await SpopPeer.open(address)
    peer.send(NOTIFY)
    assert.equal((await peer.receive())?.type, 103)
  })
}
