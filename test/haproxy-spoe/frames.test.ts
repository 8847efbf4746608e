import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeAck } from '../../agent/haproxy-spoe/ack.ts'
import { negotiate, writeAgentHello } from '../../agent/haproxy-spoe/agent-hello.ts'
import { decodeHaproxyDisconnect, writeAgentDisconnect } from '../../agent/haproxy-spoe/disconnect.ts'
import { SpopError } from '../../agent/haproxy-spoe/errors.ts'
import { decodeFrame } from '../../agent/haproxy-spoe/frame.ts'
import { Framer } from '../../agent/haproxy-spoe/framer.ts'
import { decodeHaproxyHello } from '../../agent/haproxy-spoe/haproxy-hello.ts'
import { type Action, setVar, uint32, unsetVar } from '../../agent/haproxy-spoe/index.ts'
import { DEFAULT_LIMITS } from '../../agent/haproxy-spoe/limits.ts'
import { decodeNotify } from '../../agent/haproxy-spoe/notify.ts'
import { Writer } from '../../agent/haproxy-spoe/writer.ts'
import { CAPTURED, DISCONNECT, HEALTHCHECK_HELLO, HELLO, hex, NOTIFY } from './captured.ts'

const payloadOf = (bytes: Buffer) => decodeFrame(bytes.subarray(4)).payload

/** Decodes a whole frame by its type, as the connection would. */
function decodeAny(bytes: Buffer): unknown {
  const { type, payload } = decodeFrame(bytes)
  if (type === 1) return negotiate(decodeHaproxyHello(payload), DEFAULT_LIMITS.maxFrameSize)
  if (type === 2) return decodeHaproxyDisconnect(payload)
  return decodeNotify(payload, DEFAULT_LIMITS)
}

function framesOf(chunks: Buffer[]): Buffer[] {
  const framer = new Framer(DEFAULT_LIMITS.maxFrameSize)
  const frames: Buffer[] = []
  for (const chunk of chunks) {
    framer.push(chunk)
    for (let frame = framer.next(); frame !== undefined; frame = framer.next()) frames.push(frame)
  }
  return frames
}

test('HAPROXY-HELLO (SPOE §3.2.4)', () => {
  assert.deepEqual(decodeHaproxyHello(payloadOf(HELLO)), {
    supportedVersions: ['2.0'],
    maxFrameSize: 16380,
    capabilities: ['pipelining'],
    healthcheck: false,
    engineId: '304e726b-d4fb-44c0-925c-14519434a2ce',
  })
})

test('HAPROXY-HELLO of a health check', () => {
  assert.deepEqual(decodeHaproxyHello(payloadOf(HEALTHCHECK_HELLO)), {
    supportedVersions: ['2.0'],
    maxFrameSize: 16380,
    capabilities: [''],
    healthcheck: true,
    engineId: undefined,
  })
})

test('NOTIFY (SPOE §3.2.6) gives every argument by its type', () => {
  const { streamId, frameId, payload } = decodeFrame(NOTIFY.subarray(4))
  const [everything, ...others] = decodeNotify(payload, DEFAULT_LIMITS)
  const args = everything?.args
  assert.deepEqual([streamId, frameId, others.length, everything?.name], [1, 1, 0, 'everything'])
  assert.deepEqual(args?.names(), 'yes no small big negative v4 v6 text binary missing '.split(' '))
  assert.deepEqual(
    args?.names().map(name => args.get(name)),
    [
      true,
      false,
      7,
      1234567890123,
      -5,
      '127.0.0.1',
      '2001:db8::1',
      '/caf%C3%A9',
      hex('00ff10'),
      undefined,
      'unnamed',
    ],
  )
  assert.equal(args?.boolean('yes'), true)
  assert.equal(args?.integer('negative'), -5)
  assert.equal(args?.ip('v6'), '2001:db8::1')
  assert.equal(args?.string('text'), '/caf%C3%A9')
  assert.deepEqual(args?.bytes('text'), Buffer.from('/caf%C3%A9'))
  assert.deepEqual(args?.bytes('binary'), hex('00ff10'))
  assert.equal(args?.string('binary'), undefined)
  assert.equal(args?.bytes('nowhere'), undefined)
  assert.equal(args?.boolean('ye'), undefined)
  assert.equal(args?.ip('v'), undefined)
})

test('bytes of an argument are a view of the frame, not a copy', () => {
  const payload = payloadOf(NOTIFY)
  const bytes = decodeNotify(payload, DEFAULT_LIMITS)[0]?.args.bytes('binary')
  assert.equal(bytes?.buffer, payload.buffer)
})

test('HAPROXY-DISCONNECT (SPOE §3.2.8)', () => {
  assert.deepEqual(decodeHaproxyDisconnect(payloadOf(DISCONNECT)), {
    statusCode: 2,
    message: 'a timeout occurred',
  })
})

test('AGENT-HELLO (SPOE §3.2.5)', () => {
  const writer = new Writer()
  writeAgentHello(writer, { maxFrameSize: 16380, capabilities: ['pipelining'] })
  const expected = hex(`
    00000040                          # frame length 64
    65 00000001 00 00                 # AGENT-HELLO, FIN, stream-id, frame-id
    07 76657273696f6e                 # "version"
    08 03 322e30                      # string "2.0"
    0e 6d61782d6672616d652d73697a65   # "max-frame-size"
    03 fcf006                         # uint32 16380
    0c 6361706162696c6974696573       # "capabilities"
    08 0a 706970656c696e696e67        # string "pipelining"
  `)
  assert.deepEqual(writer.take(), expected)
})

test('AGENT-DISCONNECT (SPOE §3.2.9)', () => {
  const writer = new Writer()
  writeAgentDisconnect(writer, { statusCode: 0, message: 'normal' })
  const expected = hex(`
    00000025                          # frame length 37
    66 00000001 00 00                 # AGENT-DISCONNECT, FIN, stream-id, frame-id
    0b 7374617475732d636f6465         # "status-code"
    03 00                             # uint32 0
    07 6d657373616765                 # "message"
    08 06 6e6f726d616c                # string "normal"
  `)
  assert.deepEqual(writer.take(), expected)
})

test('the message of an AGENT-DISCONNECT is short and printable whatever it quotes', () => {
  const writer = new Writer()
  writeAgentDisconnect(writer, { statusCode: 8, message: `\n${'é'.repeat(5000)}` })
  const bytes = writer.take()
  assert.ok(bytes.length < 256)
  assert.match(bytes.subarray(-160).toString('latin1'), /^\?+$/)
})

function ack(answers: (readonly Action[] | undefined)[], maxFrameSize = 16380) {
  const writer = new Writer()
  const errors: [string, number?][] = []
  writeAck(writer, { streamId: 1, frameId: 300 }, answers, maxFrameSize, ({ code }, index) => {
    errors.push(index === undefined ? [code] : [code, index])
  })
  return { bytes: writer.take(), errors }
}

test('ACK (SPOE §3.2.7) holds the actions of all messages in their order', () => {
  const { bytes } = ack([
    [setVar('txn', 'pool', 'ct')],
    undefined,
    [unsetVar('sess', 'x'), setVar('res', 'n', uint32(7))],
  ])
  const expected = hex(`
    00000020                          # frame length 32
    67 00000001 01 fc03               # ACK, FIN, stream-id 1, frame-id 300
    01 03 02 04 706f6f6c 08 02 6374   # set-var, 3 arguments, txn, "pool", string "ct"
    02 02 01 01 78                    # unset-var, 2 arguments, sess, "x"
    01 03 04 01 6e 03 07              # set-var, 3 arguments, res, "n", uint32 7
  `)
  assert.deepEqual(bytes, expected)
})

const EMPTY_ACK = hex('00000008 67 00000001 01 fc03')

test('an ACK beyond the negotiated size has no actions', () => {
  const large = ack([[setVar('txn', 'x', 'y'.repeat(300))]], 256)
  assert.deepEqual(large, { bytes: EMPTY_ACK, errors: [['SPOE_ACK_TOO_BIG']] })
})

test('an ACK of exactly the negotiated size is sent whole', () => {
  const actions = [setVar('txn', 'x', 'y'.repeat(100))]
  const size = ack([actions]).bytes.length - 4
  assert.deepEqual(ack([actions], size).errors, [])
  assert.deepEqual(ack([actions], size - 1).errors, [['SPOE_ACK_TOO_BIG']])
})

for (const [what, answer] of [
  ['no list', 5],
  ['text', 'ct'],
  ['an unknown action', [{ type: 'delete-var', scope: 'txn', name: 'x' }]],
  ['an unknown scope', [{ type: 'unset-var', scope: 'toString', name: 'x' }]],
  ['no value', [{ type: 'set-var', scope: 'txn', name: 'x' }]],
  ['a good action and then a bad one', [setVar('txn', 'x', 1), {}]],
] as const) {
  test(`an answer that is ${what} is left out whole, the others stay`, () => {
    const wrong = ack([answer as unknown as Action[], [setVar('txn', 'pool', 'ct')]])
    assert.deepEqual(wrong.errors, [['SPOE_INVALID_ACTIONS', 0]])
    assert.deepEqual(wrong.bytes, ack([[setVar('txn', 'pool', 'ct')]]).bytes)
  })
}

for (const [name, bytes] of Object.entries(CAPTURED)) {
  test(`${name} is framed alike wherever it is split`, () => {
    const stream = Buffer.concat([bytes, bytes])
    const whole = [bytes.subarray(4), bytes.subarray(4)]
    for (let at = 0; at <= stream.length; at++) {
      assert.deepEqual(framesOf([stream.subarray(0, at), stream.subarray(at)]), whole, `split at ${at}`)
    }
    assert.deepEqual(framesOf(Array.from(stream, byte => Buffer.from([byte]))), whole)
  })

  test(`${name} cut at any byte decodes or is an SpopError`, () => {
    for (let end = 4; end < bytes.length; end++) decodeOrSpopError(bytes.subarray(4, end))
  })

  test(`${name} with any byte changed to any value decodes or is an SpopError`, () => {
    for (let at = 4; at < bytes.length; at++) {
      const mutated = Buffer.from(bytes.subarray(4))
      for (let value = 0; value < 256; value++) {
        mutated[at - 4] = value
        decodeOrSpopError(mutated)
      }
    }
  })
}

function decodeOrSpopError(bytes: Buffer): void {
  try {
    decodeAny(bytes)
  } catch (error) {
    assert.ok(error instanceof SpopError, `${error} for ${bytes.toString('hex')}`)
    assert.ok(error.statusCode >= 3 && error.statusCode <= 13, `status ${error.statusCode}`)
    assert.ok(error.place?.field)
  }
}

test('a length that reaches past the end of its frame is refused, in whichever field', () => {
  const payload = hex('05 636865636b 01 01 78 08 05 61626364') // "check", 1 argument, "x", string of 5 with 4 bytes
  assert.throws(() => decodeNotify(payload, DEFAULT_LIMITS), { statusCode: 4 })
  const address = hex('05 636865636b 01 01 78 07 00000000') // ipv6 of 4 bytes
  assert.throws(() => decodeNotify(address, DEFAULT_LIMITS), { statusCode: 4 })
  const name = hex('06 636865636b') // message name of 6 bytes with 5
  assert.throws(() => decodeNotify(name, DEFAULT_LIMITS), { statusCode: 4 })
  const count = hex('05 636865636b 02 01 78 00') // 2 arguments, of which 1 is there
  assert.throws(() => decodeNotify(count, DEFAULT_LIMITS), { statusCode: 4 })
  const huge = hex('05 636865636b 01 01 78 08 fbf0fefefefefefefe0e') // string of 2^64 - 5 bytes
  assert.throws(() => decodeNotify(huge, DEFAULT_LIMITS), { statusCode: 4 })
})

test('a frame length is checked before a byte of the frame is buffered', () => {
  const framer = new Framer(256)
  framer.push(hex('ffffffff'))
  assert.throws(() => framer.next(), { statusCode: 3 })
  const short = new Framer(256)
  short.push(hex('00000006'))
  assert.throws(() => short.next(), { statusCode: 4 })
})

test('a frame keeps its bytes while later ones arrive', () => {
  const framer = new Framer(DEFAULT_LIMITS.maxFrameSize)
  const expected = NOTIFY.subarray(4)
  framer.push(NOTIFY.subarray(0, 50))
  assert.equal(framer.next(), undefined)
  framer.push(NOTIFY.subarray(50))
  const first = framer.next()
  framer.push(Buffer.alloc(64, 0x20))
  assert.throws(() => framer.next())
  assert.deepEqual(first, expected)
})

test('bytes that were taken from a writer stay as they are', () => {
  const writer = new Writer()
  writer.string('first')
  const taken = writer.take()
  writer.string('other')
  assert.equal(taken.toString('latin1'), '\x05first')
})
