import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Parser } from 'binary-parser'
import fc from 'fast-check'
import { SpopError } from '../../agent/haproxy-spoe/errors.ts'
import { varintLayout, varintValue, writeVarint } from '../../agent/haproxy-spoe/varint.ts'
import { Writer } from '../../agent/haproxy-spoe/writer.ts'
import { varint } from './spop-peer.ts'

const layout = new Parser().nest('value', { type: varintLayout, formatter: varintValue }).saveOffset('end')

function encode(value: number | bigint): Buffer {
  const writer = new Writer()
  writeVarint(writer, value)
  return writer.take()
}

// The bounds of the table in SPOE §3.1, and HAProxy's own encoding of -5.
const golden: [number | bigint, string][] = [
  [0, '00'],
  [239, 'ef'],
  [240, 'f000'],
  [2287, 'ff7f'],
  [2288, 'f08000'],
  [264431, 'ffff7f'],
  [264432, 'f0808000'],
  [33818863, 'ffffff7f'],
  [33818864, 'f080808000'],
  [1234567890123, 'fbbddffdb79e01'],
  [2 ** 53 - 1, 'fff0fefefefefe7e'],
  [2n ** 53n, 'f0f1fefefefefe7e'],
  [2n ** 64n - 5n, 'fbf0fefefefefefefe0e'],
]

for (const [value, bytes] of golden) {
  test(`${value} is ${bytes}`, () => {
    assert.equal(encode(value).toString('hex'), bytes)
    assert.deepEqual(layout.parse(Buffer.from(bytes, 'hex')), { value, end: bytes.length / 2 })
  })
}

test('a negative integer is its 64-bit two’s complement', () => {
  assert.equal(encode(-5).toString('hex'), 'fbf0fefefefefefefe0e')
})

test('every 64-bit value survives encoding and decoding', () => {
  const values = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.maxSafeNat().map(BigInt))
  fc.assert(
    fc.property(values, value => {
      const natural = value <= Number.MAX_SAFE_INTEGER ? Number(value) : value
      assert.deepEqual(encode(natural), varint(value))
      assert.equal(layout.parse(encode(natural)).value, natural)
    }),
  )
})

for (const [what, bytes] of [
  ['that never ends', 'f'.repeat(2) + '80'.repeat(40)],
  ['of ten continued bytes', `f0${'80'.repeat(9)}00`],
  ['beyond 64 bits', 'fbf0fefefefefefefe7f'],
] as const) {
  test(`a varint ${what} is refused`, () => {
    assert.throws(() => layout.parse(Buffer.from(bytes, 'hex')), SpopError)
  })
}
