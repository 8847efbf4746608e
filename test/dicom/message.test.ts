import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  decodeCommandSet,
  decodePData,
  encodeCommandSet,
  encodePData,
  encodeReleaseRq,
  type Pdv,
  readMessageHead,
} from '../../agent/dicom/index.ts'
import { bytes, fixture, pDataOf, pdusOf, refusal } from './support.ts'

const echoRq = bytes(`
  00 00 00 00  04 00 00 00  38 00 00 00                       # CommandGroupLength 56
  00 00 02 00  12 00 00 00  '1.2.840.10008.1.1' 00            # AffectedSOPClassUID
  00 00 00 01  02 00 00 00  30 00                             # CommandField C-ECHO-RQ
  00 00 10 01  02 00 00 00  01 00                             # MessageID
  00 00 00 08  02 00 00 00  01 01                             # CommandDataSetType: none
`)
const storeRq = encodeCommandSet({ CommandField: 1, MessageID: 7, CommandDataSetType: 0 })

describe('the command set (PS3.7 §6.3.1)', () => {
  test('is decoded by keyword', () => {
    assert.deepEqual(decodeCommandSet(echoRq), {
      commandField: 0x30,
      messageId: 1,
      affectedSopClassUid: '1.2.840.10008.1.1',
      affectedSopInstanceUid: '',
      hasDataset: false,
      elements: {
        AffectedSOPClassUID: '1.2.840.10008.1.1',
        CommandField: 0x30,
        MessageID: 1,
        CommandDataSetType: 0x0101,
      },
    })
  })

  test('of DCMTK is encoded to the same bytes', () => {
    let seen = 0
    for (const name of [
      'echoscu.client.bin',
      'echoscu.server.bin',
      'storescu.client.bin',
      'storescu.server.bin',
    ]) {
      for (const { type, body } of pdusOf(fixture(name))) {
        if (type !== 4) continue
        for (const { command, data } of decodePData(body)) {
          if (!command) continue
          assert.deepEqual(encodeCommandSet(decodeCommandSet(data).elements), data, name)
          seen++
        }
      }
    }
    assert.equal(seen, 4)
  })

  test('ignores elements that Annex E does not name', () => {
    const retired = bytes(`00 00 01 00 04 00 00 00 99 00 00 00`)
    assert.equal(decodeCommandSet(Buffer.concat([retired, echoRq])).commandField, 0x30)
  })

  test('that is cut, of another group, or without its field is refused', () => {
    assert.throws(() => decodeCommandSet(echoRq.subarray(0, -1)), refusal('overrun', 'CommandDataSetType'))
    assert.throws(() => decodeCommandSet(echoRq.subarray(0, -5)), refusal('overrun', 'command element'))
    assert.throws(() => decodeCommandSet(bytes('08 00 00 01 02 00 00 00 30 00')), refusal('invalid-value'))
    assert.throws(() => decodeCommandSet(Buffer.alloc(0)), refusal('missing-item', 'CommandField'))
    assert.throws(() => decodeCommandSet(encodeCommandSet({ CommandField: 1 })), refusal('missing-item'))
    const wide = bytes('00 00 00 01 04 00 00 00 30 00 00 00')
    assert.throws(() => decodeCommandSet(wide), refusal('invalid-value', 'CommandField'))
  })
})

describe('P-DATA-TF (PS3.8 §9.3.5)', () => {
  test('holds several PDVs', () => {
    const body = bytes(`
      00 00 00 04 01 03 aa bb     # context 1, last command fragment
      00 00 00 02 03 00           # context 3, dataset fragment, empty
      00 00 00 03 ff 02 cc        # context 255, last dataset fragment
    `)
    assert.deepEqual(decodePData(body), [
      { contextId: 1, command: true, last: true, data: bytes('aa bb') },
      { contextId: 3, command: false, last: false, data: bytes('') },
      { contextId: 255, command: false, last: true, data: bytes('cc') },
    ])
  })

  test('with a PDV that is too short, too long or cut is refused', () => {
    assert.throws(() => decodePData(bytes('00 00 00 01 01 03')), refusal('invalid-value', 'PDV item-length'))
    assert.throws(() => decodePData(bytes('00 00 00 04 01 03 aa')), refusal('overrun', 'PDV item-length'))
    assert.throws(() => decodePData(bytes('00 00 00')), refusal('truncated', 'PDV item-length'))
  })
})

function pdv(command: boolean, last: boolean, data: Buffer, contextId = 1): Pdv {
  return { contextId, command, last, data }
}

describe('the head of the first message', () => {
  test('of DCMTK: command and dataset in two PDUs', () => {
    const head = readMessageHead(pDataOf(fixture('storescu.client.bin')))
    assert.equal(head.contextId, 1)
    assert.equal(head.command.commandField, 1)
    assert.equal(head.command.affectedSopInstanceUid, '1.2.3.4.5.6')
    assert.equal(head.dataset.length, 0x84)
    assert.equal(head.complete, true)
  })

  test('without dataset is complete with its command', () => {
    const head = readMessageHead(pDataOf(fixture('echoscu.client.bin')))
    assert.equal(head.command.hasDataset, false)
    assert.equal(head.dataset.length, 0)
    assert.equal(head.complete, true)
  })

  const dataset = Buffer.from('0123456789abcdefghij')
  const layouts: Record<string, Buffer[]> = {
    'one PDU with all': [encodePData([pdv(true, true, storeRq), pdv(false, true, dataset)])],
    'a PDV for every four bytes, in one PDU': [
      encodePData([...fragments(true, storeRq, 4), ...fragments(false, dataset, 4)]),
    ],
    'a PDU for every byte': [...fragments(true, storeRq, 1), ...fragments(false, dataset, 1)].map(each =>
      encodePData([each]),
    ),
    'an empty last fragment': [
      encodePData([pdv(true, false, storeRq), pdv(true, true, Buffer.alloc(0))]),
      encodePData([pdv(false, false, dataset), pdv(false, true, Buffer.alloc(0))]),
    ],
  }

  function fragments(command: boolean, data: Buffer, size: number): Pdv[] {
    const found: Pdv[] = []
    for (let at = 0; at < data.length; at += size) {
      found.push(pdv(command, at + size >= data.length, data.subarray(at, at + size)))
    }
    return found
  }

  for (const [name, pdus] of Object.entries(layouts)) {
    test(`is the same at every cut: ${name}`, () => {
      const stream = Buffer.concat(pdus)
      let before = -1
      for (let length = 0; length <= stream.length; length++) {
        let head: ReturnType<typeof readMessageHead>
        try {
          head = readMessageHead(stream.subarray(0, length))
        } catch (error) {
          refusal('truncated')(error)
          assert.equal(before, -1, `the command set was whole before byte ${length}`)
          continue
        }
        assert.equal(head.command.messageId, 7)
        assert.deepEqual(head.dataset, dataset.subarray(0, head.dataset.length))
        assert.ok(head.dataset.length >= before, 'the dataset grows')
        assert.equal(head.complete, length === stream.length, `complete at ${length}`)
        before = head.dataset.length
      }
      assert.equal(before, dataset.length)
    })
  }

  test('ends where the message does', () => {
    const first = encodePData([pdv(true, true, storeRq), pdv(false, true, dataset)])
    for (const next of [encodePData([pdv(true, true, echoRq, 3)]), encodeReleaseRq()]) {
      const head = readMessageHead(Buffer.concat([first, next]))
      assert.equal(head.complete, true)
      assert.deepEqual(head.dataset, dataset)
    }
  })

  test('is refused where fragments come in a wrong order, or the framing is wrong', () => {
    const command = pdv(true, true, storeRq)
    const wrong: [Buffer, string, string][] = [
      [encodePData([pdv(false, true, dataset)]), 'invalid-value', 'Message-control-header'],
      [encodePData([command, command]), 'invalid-value', 'Message-control-header'],
      [encodePData([command, pdv(false, true, dataset, 3)]), 'invalid-value', 'Presentation-context-ID'],
      [encodeReleaseRq(), 'unexpected-pdu', 'PDU-type'],
      [Buffer.concat([encodePData([command]), encodeReleaseRq()]), 'unexpected-pdu', 'PDU-type'],
      [bytes('04 00 00 00 00 08 00 00 00 05 01 03 00 00'), 'overrun', 'PDV item-length'],
      [bytes('04 00 00 00 00 07 00 00 00 01 01 03 00'), 'invalid-value', 'PDV item-length'],
      [Buffer.alloc(0), 'truncated', 'command set'],
    ]
    for (const [stream, code, field] of wrong) {
      assert.throws(() => readMessageHead(stream), refusal(code, field))
    }
  })
})
