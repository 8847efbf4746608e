import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  decodeAssociateRq,
  encodeAbort,
  encodeCommandSet,
  encodePData,
  PduType,
  pduHeaderLength,
} from '../../agent/dicom/index.ts'
import { Ledger, type Nodes } from '../support/ledger.ts'
import { associateRq } from '../support/messages.ts'
import type { Stored } from '../support/pacs.ts'
import type { Pdu } from '../support/peer.ts'

const rq = decodeAssociateRq(associateRq({ callingAE: 'SCU' }).subarray(pduHeaderLength))
const instance = { messageId: 1, sopInstance: '1.2', pool: 'ct', digest: 'd' }
const kept: Stored = { rq, sopInstance: '1.2', length: 9, digest: 'd' }

const abort: Pdu = { type: PduType.abort, bytes: encodeAbort({ source: 2, reason: 0 }) }
const response = (Status: number, MessageIDBeingRespondedTo = 1): Pdu => ({
  type: PduType.pData,
  bytes: encodePData([
    {
      contextId: 1,
      command: true,
      last: true,
      data: encodeCommandSet({
        CommandField: 0x8001,
        MessageIDBeingRespondedTo,
        CommandDataSetType: 0x0101,
        Status,
      }),
    },
  ]),
})

/** The nodes of two pools, two and one, with what they have. */
const site = (first: Stored[], second: Stored[] = [], mr: Stored[] = []): Nodes => ({
  ct: [{ stored: first }, { stored: second }],
  mr: [{ stored: mr }],
})

function ledger(heard: readonly Pdu[], how?: 'left' | 'end of the connection'): Ledger {
  const made = new Ledger()
  const account = made.associate('SCU', [instance])
  for (const pdu of heard) account.heard(pdu)
  if (how) account.ended(how)
  return made
}

test('what was acknowledged is on one node, what was not may be on one, and both are counted', () => {
  assert.deepEqual(ledger([response(0)]).close(site([], [kept])), { 'status 0': 1 })
  assert.deepEqual(ledger([response(0xa700)]).close(site([])), { 'status a700': 1 })
  assert.deepEqual(ledger([abort]).close(site([kept])), { 'A-ABORT': 1 })
  assert.deepEqual(ledger([], 'left').close(site([])), { left: 1 })
})

for (const [what, of, nodes, message] of [
  ['acknowledged, and on no node', [response(0)], site([]), /no PACS has it/],
  ['acknowledged, and on two nodes', [response(0)], site([kept], [{ ...kept }]), /copies of/],
  ['acknowledged, and changed', [response(0)], site([{ ...kept, digest: 'e' }]), /SCU 1\.2/],
  ['acknowledged, and in another pool', [response(0)], site([], [], [kept]), /SCU 1\.2/],
  ['refused, and in another pool', [response(0xa700)], site([], [], [kept]), /SCU 1\.2/],
  ['told to nobody', [], site([kept]), /nobody was told/],
] as const) {
  test(`an instance is ${what}: that is found`, () => {
    assert.throws(() => ledger(of).close(nodes), message)
  })
}

test('an instance that nobody has sent, or that comes again when all was settled, is found', () => {
  assert.throws(() => new Ledger().settle(site([kept])), /never sent/)
  const settled = ledger([response(0)])
  const nodes = site([{ ...kept }])
  settled.settle(nodes)
  assert.deepEqual(nodes, site([]))
  assert.throws(() => settled.close(site([kept])), /there once more/)
})

test('a client hears one response to each message, and nothing behind the end', () => {
  assert.throws(() => ledger([abort, response(0)]), /behind the end/)
  assert.throws(() => ledger([response(0), response(0)]), /waits for none/)
  assert.throws(() => ledger([response(0, 2)]), /waits for none/)
})
