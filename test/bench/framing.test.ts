import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodePData, PduType } from '../../agent/dicom/index.ts'
import { associateRq, commandOnly, releaseRq, storeRq } from '../support/messages.ts'
import { Framing } from './framing.ts'

const command = (data: string) => ({ contextId: 3, command: true, data: Buffer.from(data) })
const fragment = (size: number) => ({ contextId: 5, command: false, data: Buffer.alloc(size) })
const bytes = Buffer.concat([
  associateRq(),
  encodePData([
    { ...command('first '), last: false },
    { ...command('and rest'), last: true },
    { ...fragment(20), last: false },
  ]),
  encodePData([
    { ...fragment(30), last: false },
    { ...fragment(0), last: true },
  ]),
  storeRq(Buffer.alloc(100), { fragment: 30 }),
  commandOnly(0x0030, { contextId: 9 }),
  releaseRq,
])
const expected = [
  `pdu ${PduType.associateRq} of ${associateRq().length - 6}`,
  'command 3 of 14',
  'dataset 5',
  'command 1 of 100',
  'dataset 1',
  'command 9 of 68',
  `pdu ${PduType.releaseRq} of 4`,
]

function followed(parts: readonly Buffer[]): string[] {
  const seen: string[] = []
  const framing = new Framing({
    pdu: (type, body) => seen.push(`pdu ${type} of ${body.length}`),
    command: (contextId, commandSet) => seen.push(`command ${contextId} of ${commandSet.length}`),
    dataset: contextId => seen.push(`dataset ${contextId}`),
  })
  for (const part of parts) framing.follow(part)
  return seen
}

test('PDUs, command sets and datasets are found, however the bytes are split', () => {
  assert.deepEqual(followed([bytes]), expected)
  for (let at = 1; at < bytes.length; at++)
    assert.deepEqual(followed([bytes.subarray(0, at), bytes.subarray(at)]), expected)
  assert.deepEqual(followed(Array.from(bytes, byte => Buffer.of(byte))), expected)
})

test('a PDV that is longer than its PDU, or shorter than its own header, is an error', () => {
  for (const length of [1, 9]) {
    const pdu = Buffer.from([4, 0, 0, 0, 0, 8, 0, 0, 0, length, 1, 0, 0, 0])
    assert.throws(() => followed([pdu]), /does not fit its PDU/)
  }
})
