import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { constants, deflateRawSync } from 'node:zlib'
import { type Lookup, parseTagPath, readDatasetHead } from '../../agent/dicom/index.ts'
import {
  deflated,
  element,
  explicitLittleEndian,
  implicit,
  implicitLittleEndian,
  item,
  sequence,
  undefinedItem,
  undefinedSequence,
} from './build.ts'

const modality = element(0x00080060, 'CS', 'CT')
const manufacturer = element(0x00080070, 'LO', 'Maker')
const institution = element(0x00080080, 'LO', 'Hospital')
const patientName = element(0x00100010, 'PN', 'Doe^Jane')
const patientId = element(0x00100020, 'LO', 'PID-000123')

interface Options {
  transferSyntax?: string
  complete?: boolean
}

function lookUp(parts: Buffer | Buffer[], texts: string[], options: Options = {}): Lookup[] {
  const { transferSyntax = explicitLittleEndian, complete = true } = options
  const bytes = Buffer.isBuffer(parts) ? parts : Buffer.concat(parts)
  return readDatasetHead(bytes, transferSyntax, texts.map(parseTagPath), complete).lookups
}

/** Values; or the state, with the code of what is malformed. */
function short(lookup: Lookup | undefined): readonly string[] | string {
  if (lookup?.state === 'present') return lookup.values
  return lookup?.state === 'unknown' && lookup.malformed
    ? `unknown: ${lookup.malformed.code}`
    : `${lookup?.state}`
}

function results(
  parts: Buffer | Buffer[],
  texts: string[],
  options?: Options,
): (readonly string[] | string)[] {
  return lookUp(parts, texts, options).map(short)
}

describe('the three states', () => {
  test('a value is present from its last byte on, and absent from the next header on', () => {
    const stream = Buffer.concat([modality, institution])
    for (let length = 0; length <= stream.length; length++) {
      const [present, absent] = results(stream.subarray(0, length), ['Modality', 'Manufacturer'], {
        complete: false,
      })
      assert.deepEqual(present, length < modality.length ? 'unknown' : ['CT'], `at ${length}`)
      assert.equal(absent, length < modality.length + 8 ? 'unknown' : 'absent', `at ${length}`)
    }
  })

  test('the end of a complete dataset means absent, that of the bytes means unknown', () => {
    assert.deepEqual(results(modality, ['PatientID']), ['absent'])
    assert.deepEqual(results(modality, ['PatientID'], { complete: false }), ['unknown'])
    assert.deepEqual(results([], ['PatientID']), ['absent'])
    assert.deepEqual(results([], ['PatientID'], { complete: false }), ['unknown'])
    assert.deepEqual(results(modality, []), [])
  })

  test('an empty value and one of padding only are present without values', () => {
    for (const value of ['', '  ', '\0\0']) {
      assert.deepEqual(results(element(0x00100020, 'LO', value), ['PatientID']), [[]], JSON.stringify(value))
    }
    assert.deepEqual(results(element(0x00080008, 'CS', 'A\\\\B '), ['ImageType']), [['A', '', 'B']])
  })

  test('of a repeated element the first counts', () => {
    assert.deepEqual(results([modality, element(0x00080060, 'CS', 'MR')], ['Modality', 'PatientID']), [
      ['CT'],
      'absent',
    ])
  })

  test('a path asked twice, and one that begins another, are answered', () => {
    const procedure = sequence(0x00081032, item(element(0x00080100, 'SH', 'A1')), item())
    assert.deepEqual(
      results(procedure, [
        'ProcedureCodeSequence',
        'ProcedureCodeSequence.CodeValue',
        'ProcedureCodeSequence',
      ]),
      [['2'], ['A1'], ['2']],
    )
  })
})

describe('elements out of order', () => {
  // (0008,0070) (0008,0060) is the violation.
  const disordered = [manufacturer, modality, patientName, institution]

  test('are found', () => {
    assert.deepEqual(results(disordered, ['InstitutionName', 'PatientName']), [['Hospital'], ['Doe^Jane']])
  })

  test('make absence certain only at the end', () => {
    const texts = ['StationName', 'PatientID']
    assert.deepEqual(results(disordered, texts, { complete: false }), ['unknown', 'unknown'])
    assert.deepEqual(results(disordered, texts), ['absent', 'absent'])
  })

  test('do not take back an absence that was certain before', () => {
    assert.deepEqual(results([modality, patientName, manufacturer], ['Manufacturer', 'PatientID']), [
      'absent',
      'absent',
    ])
  })
})

describe('sequences', () => {
  const step = (id: string) => element(0x00400009, 'SH', id)

  test('give the values of all items, in every layout', () => {
    for (const stream of [
      sequence(0x00400275, item(step('A')), item(), item(step('B'))),
      sequence(0x00400275, undefinedItem(step('A')), undefinedItem(step('B'))),
      undefinedSequence(0x00400275, 'SQ', item(step('A')), undefinedItem(step('B'))),
    ]) {
      const path = 'RequestAttributesSequence.ScheduledProcedureStepID'
      assert.deepEqual(results(stream, [path]), [['A', 'B']])
      for (let length = 0; length < stream.length; length++) {
        assert.deepEqual(
          results(stream.subarray(0, length), [path], { complete: false }),
          ['unknown'],
          `at ${length}`,
        )
      }
    }
  })

  test('in UN are Implicit VR Little Endian, of defined and of undefined length', () => {
    const content = implicit(0x00400009, 'STEP')
    for (const stream of [
      undefinedSequence(0x00400275, 'UN', item(content)),
      undefinedSequence(0x00400275, 'UN', undefinedItem(content)),
      element(0x00400275, 'UN', item(content)),
    ]) {
      const texts = [
        'RequestAttributesSequence.ScheduledProcedureStepID',
        'RequestAttributesSequence',
        'PatientID',
      ]
      assert.deepEqual(results([stream, element(0x00401001, 'SH', 'X')], texts), [['STEP'], ['1'], 'absent'])
    }
    const privateSequence = element(0x00091001, 'UN', item(implicit(0x00080100, 'CODE')))
    const stream = [element(0x00090010, 'LO', 'MAKER'), privateSequence]
    assert.deepEqual(results(stream, ['(0009,xx01 MAKER).CodeValue']), [['CODE']])
  })

  test('UN of an element that the dictionary knows has its VR', () => {
    const rows = element(0x00280010, 'UN', Buffer.from([0x00, 0x02]))
    assert.deepEqual(results([element(0x00100020, 'UN', 'PID '), rows], ['PatientID', 'Rows']), [
      ['PID'],
      ['512'],
    ])
  })

  test('UN is little endian in Explicit VR Big Endian, too', () => {
    const stream = Buffer.from('00280010554e0000000000020002', 'hex')
    const transferSyntax = '1.2.840.10008.1.2.2'
    assert.deepEqual(results(stream, ['Rows'], { transferSyntax }), [['512']])
  })

  test('nested 60 deep are followed, 70 deep are malformed, with and without their end in sight', () => {
    function nested(depth: number, build: (inner: Buffer) => Buffer): Buffer {
      let inner = element(0x0040a160, 'UT', 'deep')
      for (let level = 0; level < depth; level++) inner = build(inner)
      return inner
    }
    const delimited = (inner: Buffer) => undefinedSequence(0x0040a730, 'SQ', undefinedItem(inner))
    const texts = ['ContentSequence.ContentSequence.TextValue', 'PixelData']
    assert.deepEqual(results(nested(60, delimited), texts), ['absent', 'absent'])
    assert.deepEqual(results(nested(70, delimited), texts), ['unknown: too-deep', 'unknown: too-deep'])
    assert.deepEqual(results(nested(70, delimited).subarray(0, 70 * 20), ['PixelData']), [
      'unknown: too-deep',
    ])
  })

  test('of a megabyte of items are all read', () => {
    const stream = sequence(0x00400275, ...Array.from({ length: 60_000 }, () => item(step('ABCD'))))
    const [lookup] = lookUp(stream, ['RequestAttributesSequence.ScheduledProcedureStepID'])
    assert.equal(lookup?.state === 'present' && lookup.values.length, 60_000)
  })
})

describe('private elements', () => {
  test('are looked for in every block that their creator has reserved', () => {
    const stream = [
      element(0x00190010, 'LO', 'MAKER'),
      element(0x00190011, 'LO', 'OTHER'),
      element(0x00190012, 'LO', 'MAKER'),
      element(0x00191101, 'LO', 'of the other'),
      element(0x00191201, 'LO', 'second block'),
    ]
    const texts = ['(0019,xx01 MAKER)', '(0019,xx01 OTHER)', '(0019,xx01 THIRD)']
    assert.deepEqual(results(stream, texts), [['second block'], ['of the other'], 'absent'])
    const creatorOnly = Buffer.concat(stream.slice(0, 1))
    assert.deepEqual(results(creatorOnly, texts, { complete: false }), ['unknown', 'unknown', 'unknown'])
    const noSuchCreator = Buffer.concat(stream.slice(0, 4))
    assert.deepEqual(results(noSuchCreator, texts, { complete: false }), [
      'unknown',
      ['of the other'],
      'absent',
    ])
  })

  test('in implicit VR have the VR that the dictionary knows for their creator, and are text otherwise', () => {
    const stream = [
      implicit(0x00190010, 'GEMS_ACQU_01'),
      implicit(0x00190011, 'MAKER '),
      implicit(0x00191002, Buffer.from([0x10, 0x27, 0, 0])),
      implicit(0x0019100f, '1000'),
      implicit(0x00191101, 'A\\B '),
    ]
    const texts = ['(0019,xx0F GEMS_ACQU_01)', '(0019,xx02 GEMS_ACQU_01)', '(0019,xx01 MAKER)']
    const transferSyntax = implicitLittleEndian
    assert.deepEqual(results(stream, texts, { transferSyntax }), [['1000'], ['10000'], ['A', 'B']])
  })
})

describe('values', () => {
  const cases: [string, string, Buffer | string, string[]][] = [
    ['FL', '(0018,9322)', Buffer.from([0xcd, 0xcc, 0xcc, 0x3d]), ['0.1']],
    ['SV', '(0072,0082)', Buffer.from('ffffffffffffffff', 'hex'), ['-1']],
    ['UV', '(0072,0083)', Buffer.from('ffffffffffffffff', 'hex'), ['18446744073709551615']],
    ['OB', '(0042,0011)', Buffer.from([0, 1, 255, 2]), ['0', '1', '255', '2']],
    ['SL', '(0018,6020)', Buffer.from([0xff, 0xff, 0xff, 0xff]), ['-1']],
    ['AT', '(0028,0009)', Buffer.from([0x18, 0, 0x63, 0x10]), ['(0018,1063)']],
    ['UC', '(0008,0119)', ' leading kept\\ too  ', [' leading kept', ' too']],
    ['ST', '(0008,0081)', ' a\\b ', [' a\\b']],
    ['UR', '(0008,0120)', 'http://x/y?a\\b ', ['http://x/y?a\\b']],
    ['SH', '(0008,0050)', '  A 1 \0', ['A 1']],
    ['ZZ', '(0008,0050)', 'a VR of the future', ['a VR of the future']],
  ]
  for (const [vr, path, content, values] of cases) {
    test(`of ${vr}`, () => {
      const tag = Number.parseInt(path.slice(1, 5) + path.slice(6, 10), 16)
      assert.deepEqual(results(element(tag, vr, content), [path, 'PixelData']), [values, 'absent'])
    })
  }

  test('of a length that is not that of whole numbers are unknown, and what follows is not', () => {
    const rows = element(0x00280010, 'US', Buffer.from([1, 2, 3]))
    const stream = [rows, element(0x00280011, 'US', Buffer.from([1, 0]))]
    assert.deepEqual(results(stream, ['Rows', 'Columns']), ['unknown: invalid-value', ['1']])
  })

  test('longer than 64 KiB are unknown, and what follows is not', () => {
    const text = element(0x0040a160, 'UT', 'x'.repeat(0x10002))
    const stream = [text, element(0x0040a504, 'SQ', '')]
    assert.deepEqual(results(stream, ['TextValue', 'ContentTemplateSequence']), ['unknown: too-large', []])
  })

  test('behind encapsulated pixel data are found', () => {
    const fragments = [implicit(0xfffee000, ''), implicit(0xfffee000, 'not a dataset at all')]
    const stream = [undefinedSequence(0x7fe00010, 'OB', ...fragments), element(0xfffcfffc, 'OB', '\0\0')]
    assert.deepEqual(results(stream, ['PixelData', '(FFFC,FFFC)', '(7FE0,0020)']), [
      ['2'],
      ['0', '0'],
      'absent',
    ])
  })
})

describe('what is no dataset', () => {
  const wrong: [string, Buffer, string][] = [
    ['a value past the end of the complete dataset', element(0x00100010, 'PN', 'Doe', 20), 'overrun'],
    ['a header past the end of the complete dataset', Buffer.from([0x10, 0, 0x10, 0]), 'overrun'],
    ['a VR of other characters', Buffer.from('10001000412a0000', 'hex'), 'invalid-value'],
    ['a VR that is no VR', Buffer.from('100010002a410000', 'hex'), 'invalid-value'],
    ['an item outside a sequence', item(), 'invalid-value'],
    ['an item past the end of its sequence', sequence(0x00101002, implicit(0xfffee000, '', 2)), 'overrun'],
    [
      'an element past the end of its item',
      sequence(0x00101002, item(element(0x00100020, 'LO', 'AB', 4)), item()),
      'overrun',
    ],
    [
      'a sequence past the end of its item',
      sequence(0x00101002, item(element(0x00101002, 'SQ', item(patientId), 40)), item(patientId)),
      'overrun',
    ],
    ['a sequence past the end of the dataset', element(0x00101002, 'SQ', item(patientId), 90), 'overrun'],
    ['an element where an item should be', sequence(0x00101002, patientId), 'invalid-value'],
    ['text of undefined length', undefinedSequence(0x00101002, 'UT', item()), 'invalid-value'],
    [
      'a fragment of undefined length',
      undefinedSequence(0x00100050, 'OB', undefinedItem(patientId)),
      'invalid-value',
    ],
  ]
  for (const [what, bytes, code] of wrong) {
    test(`leaves what lies before it known and the rest unknown: ${what}`, () => {
      const texts = ['Modality', 'Manufacturer', 'OtherPatientIDsSequence.PatientID', 'PixelData']
      const expected = [['CT'], 'absent', `unknown: ${code}`, `unknown: ${code}`]
      assert.deepEqual(results([modality, institution, bytes], texts), expected)
    })
  }
})

describe('a deflated dataset', () => {
  const transferSyntax = deflated
  const plain = Buffer.concat([modality, institution, patientId])

  test('may be followed by a padding byte', () => {
    const padded = Buffer.concat([deflateRawSync(plain), Buffer.alloc(1)])
    assert.deepEqual(results(padded, ['PatientID', 'Rows'], { transferSyntax }), [['PID-000123'], 'absent'])
  })

  test('whose stream does not end is not complete', () => {
    const cut = deflateRawSync(plain).subarray(0, -2)
    assert.deepEqual(results(cut, ['Rows'], { transferSyntax }), ['unknown'])
  })

  test('that is corrupt leaves unknown what lies behind', () => {
    const noise = Array.from({ length: 2000 }, (_, index) => Math.imul(index, index * 2654435761) >>> 24)
    const whole = Buffer.concat([plain, element(0x0040a160, 'UT', Buffer.from(noise))])
    const start = deflateRawSync(whole, { finishFlush: constants.Z_SYNC_FLUSH })
    // All ones: a block of the type that RFC 1951 does not have.
    const stream = Buffer.concat([start, Buffer.alloc(100, 0xff)])
    const [before, behind] = results(stream, ['Modality', 'PixelData'], { transferSyntax })
    assert.deepEqual(before, ['CT'])
    assert.equal(behind, 'unknown: invalid-value')
    assert.deepEqual(results(Buffer.alloc(40, 0xff), ['Modality'], { transferSyntax }), [
      'unknown: invalid-value',
    ])
  })

  test('that would inflate to gigabytes is read up to a cap', () => {
    const chunk = element(0x0040a160, 'UT', Buffer.alloc(64 << 20))
    const bomb = deflateRawSync(Buffer.concat([plain, chunk]), { level: 9 })
    assert.ok(bomb.length < 100_000)
    const before = process.memoryUsage().arrayBuffers
    const texts = ['Modality', 'Manufacturer', 'PatientID', 'PixelData']
    const expected = [['CT'], 'absent', ['PID-000123'], 'unknown']
    assert.deepEqual(results(bomb, texts, { transferSyntax }), expected)
    assert.ok(process.memoryUsage().arrayBuffers - before < 32 << 20, 'memory')
  })

  test('is inflated no further than needed', () => {
    const image = Buffer.from(Array.from({ length: 1 << 19 }, (_, index) => (index * index) & 0xff))
    const stream = deflateRawSync(Buffer.concat([plain, element(0x7fe00010, 'OW', image)]))
    const cut = stream.subarray(0, 600)
    assert.deepEqual(results(cut, ['PatientID'], { transferSyntax, complete: false }), [['PID-000123']])
    assert.deepEqual(results(stream, ['PatientID', 'Rows'], { transferSyntax }), [['PID-000123'], 'absent'])
  })
})
