import assert from 'node:assert/strict'
import { it } from 'node:test'
import { characterSets } from '../../dicom-samples/character-sets.ts'

it('ISO 2022 IR 87 encodes the example of PS3.5 §H.3.1', () => {
  const { encode } = characterSets['\\ISO 2022 IR 87']
  const example = 'Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B'
  assert.equal(Buffer.from(encode('Yamada^Tarou=山田^太郎=やまだ^たろう')).toString('latin1'), example)
})

it('each single-byte repertoire encodes its upper half as its ISO 8859 part does', () => {
  assert.deepEqual(characterSets['ISO_IR 100'].encode('Aäß'), Uint8Array.of(0x41, 0xe4, 0xdf))
  assert.deepEqual(characterSets['ISO_IR 101'].encode('łŻ'), Uint8Array.of(0xb3, 0xaf))
  assert.deepEqual(characterSets['ISO_IR 144'].encode('Яж№'), Uint8Array.of(0xcf, 0xd6, 0xf0))
})

it('a character outside the repertoire is an error, never a question mark', () => {
  assert.throws(() => characterSets.default.encode('Müller'), /us-ascii has no "ü"/)
  assert.throws(() => characterSets['ISO_IR 100'].encode('‘'), /iso-8859-1 has no "‘"/)
  assert.throws(() => characterSets['\\ISO 2022 IR 87'].encode('é'), /JIS X 0208 has no "é"/)
})
