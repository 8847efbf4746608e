import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  int32,
  int64,
  ipv4,
  ipv6,
  setVar,
  uint32,
  uint64,
  type Value,
} from '../../agent/haproxy-spoe/index.ts'
import {
  booleanOf,
  bytesOf,
  integerOf,
  ipOf,
  naturalValueOf,
  type TypedData,
  typedDataLayout,
  writeTypedData,
} from '../../agent/haproxy-spoe/typed-data.ts'
import { Writer } from '../../agent/haproxy-spoe/writer.ts'
import { data } from './spop-peer.ts'

function encode(value: Value): Buffer {
  const writer = new Writer()
  writeTypedData(writer, value)
  return writer.take()
}

const decode = (bytes: Buffer): TypedData => typedDataLayout.parse(bytes)
const natural = (bytes: Buffer) => naturalValueOf(bytes, decode(bytes))

const golden: [string, Value, string, unknown][] = [
  ['null', null, '00', undefined],
  ['true', true, '11', true],
  ['false', false, '01', false],
  ['int32', int32(-1), '02fff0fefefefefefefe0e', -1],
  ['uint32', uint32(4294967295), '03fff0fefe7e', 4294967295],
  ['int64', 7, '0407', 7],
  ['int64', int64(-(2n ** 63n)), '04f0f1fefefefefefefe06', -(2n ** 63n)],
  ['uint64', uint64(2n ** 64n - 1n), '05fff0fefefefefefefe0e', 2n ** 64n - 1n],
  ['ipv4', ipv4('127.0.0.1'), '067f000001', '127.0.0.1'],
  ['ipv6', ipv6('2001:db8::1'), '0720010db8000000000000000000000001', '2001:db8::1'],
  ['string', 'é', '0802c3a9', 'é'],
  ['string of 237 bytes', '€'.repeat(79), `08ed${'e282ac'.repeat(79)}`, '€'.repeat(79)],
  ['string of 240 bytes', '€'.repeat(80), `08f000${'e282ac'.repeat(80)}`, '€'.repeat(80)],
  ['binary', Buffer.from('00ff10', 'hex'), '090300ff10', Buffer.from('00ff10', 'hex')],
]

for (const [type, value, bytes, expected] of golden) {
  test(`${type} ${bytes}`, () => {
    assert.equal(encode(value).toString('hex'), bytes)
    assert.deepEqual(natural(Buffer.from(bytes, 'hex')), expected)
  })
}

test('every value survives encoding and decoding, and is encoded as the specification says', () => {
  const int = (min: number, max: number) => fc.integer({ min, max })
  const big = (min: bigint, max: bigint) => fc.bigInt({ min, max })
  const asNatural = (value: bigint) =>
    BigInt(Number(value)) === value && Number.isSafeInteger(Number(value)) ? Number(value) : value
  const cases = fc.oneof(
    fc.boolean().map(value => ({ value, wire: data.boolean(value), natural: value })),
    fc.string({ unit: 'binary' }).map(value => ({ value, wire: data.string(value), natural: value })),
    fc
      .uint8Array()
      .map(bytes => ({ value: bytes, wire: data.binary(Buffer.from(bytes)), natural: Buffer.from(bytes) })),
    int(-(2 ** 31), 2 ** 31 - 1).map(n => ({ value: int32(n), wire: data.int32(n), natural: n })),
    int(0, 2 ** 31 - 1).map(n => ({ value: uint32(n), wire: data.uint32(n), natural: n })),
    big(-(2n ** 63n), 2n ** 63n - 1n).map(n => ({
      value: int64(n),
      wire: data.int64(n),
      natural: asNatural(n),
    })),
    big(0n, 2n ** 64n - 1n).map(n => ({ value: uint64(n), wire: data.uint64(n), natural: asNatural(n) })),
    fc
      .ipV4()
      .map(text => ({ value: ipv4(text), wire: data.ipv4(text.split('.').map(Number)), natural: text })),
  )
  fc.assert(
    fc.property(cases, ({ value, wire, natural: expected }) => {
      assert.deepEqual(encode(value), wire)
      assert.deepEqual(natural(wire), expected)
    }),
  )
})

test('an IPv6 address survives in any spelling', () => {
  fc.assert(
    fc.property(fc.ipV6(), text => {
      const bytes = encode(ipv6(text))
      assert.equal(bytes.length, 17)
      const canonical = natural(bytes)
      assert.equal(new URL(`http://[${text}]`).hostname, new URL(`http://[${canonical}]`).hostname)
    }),
  )
})

test('a getter of another type gives undefined', () => {
  const text = data.string('x')
  assert.equal(integerOf(decode(text)), undefined)
  assert.equal(booleanOf(decode(text)), undefined)
  assert.equal(ipOf(text, decode(text)), undefined)
  const number = data.int64(1)
  assert.equal(bytesOf(number, decode(number)), undefined)
})

const refused: [string, () => unknown][] = [
  ['a fraction', () => setVar('txn', 'x', 1.5)],
  ['an inexact number', () => setVar('txn', 'x', 2 ** 60)],
  ['a bigint beyond int64', () => setVar('txn', 'x', 2n ** 63n)],
  ['not a number', () => setVar('txn', 'x', Number.NaN)],
  ['undefined', () => setVar('txn', 'x', undefined as unknown as Value)],
  ['an int32 out of range', () => int32(2 ** 31)],
  ['a negative uint32', () => uint32(-1)],
  ['a negative uint64', () => uint64(-1n)],
  ['text that is no IPv4 address', () => ipv4('1.2.3')],
  ['an IPv4 address as IPv6', () => ipv6('1.2.3.4')],
  ['an IPv6 address with a zone', () => ipv6('fe80::1%lo')],
  ['an unknown scope', () => setVar('session' as 'sess', 'x', 1)],
  ['a name that HAProxy does not know', () => setVar('txn', 'a-b', 1)],
  ['a name that is too long', () => setVar('txn', 'x'.repeat(59), 1)],
]

for (const [what, make] of refused) {
  test(`${what} is refused where it is made`, () => {
    assert.throws(make, error => error instanceof RangeError || error instanceof TypeError)
  })
}
