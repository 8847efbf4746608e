import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseTagPath, TagPathError } from '../../agent/dicom/index.ts'

function error(text: string): TagPathError {
  try {
    parseTagPath(text)
  } catch (thrown) {
    assert.ok(thrown instanceof TagPathError, String(thrown))
    return thrown
  }
  return assert.fail(`"${text}" was taken`)
}

describe('a tag path', () => {
  test('is a keyword, a tag, a private creator and element, or several of them', () => {
    const modality = { tag: 0x00080060 }
    assert.deepEqual(parseTagPath('Modality').steps, [modality])
    assert.deepEqual(parseTagPath('(0008,0060)').steps, [modality])
    assert.deepEqual(parseTagPath('(0019,xx1A SIEMENS MR HEADER)').steps, [
      { group: 0x19, element: 0x1a, creator: 'SIEMENS MR HEADER' },
    ])
    assert.deepEqual(
      parseTagPath('RequestAttributesSequence.(0040,0008).(0009,xx01 A.B 1.0).CodeValue').steps,
      [
        { tag: 0x00400275 },
        { tag: 0x00400008 },
        { group: 9, element: 1, creator: 'A.B 1.0' },
        { tag: 0x00080100 },
      ],
    )
    assert.deepEqual(parseTagPath('(7fe0,0010)').steps, [{ tag: 0x7fe00010 }])
  })

  test('may be a retired keyword', () => {
    assert.deepEqual(parseTagPath('ReferencedOverlaySequence').steps, [{ tag: 0x00081130 }])
  })

  test('with an unknown keyword gets the nearest ones, closest first', () => {
    assert.equal(error('Modalty').suggestions[0], 'Modality')
    assert.equal(error('patientid').suggestions[0], 'PatientID')
    assert.equal(error('BodyPartExmined').suggestions[0], 'BodyPartExamined')
    assert.ok(error('Institution').suggestions.includes('InstitutionName'))
    assert.match(error('Modalty').message, /"Modalty" is not a DICOM keyword; did you mean Modality/)
    assert.deepEqual(error('Qwertzuiop').suggestions, [])
    assert.deepEqual(error('x'.repeat(100_000)).suggestions, [])
    assert.deepEqual(error('constructor').suggestions.includes('constructor'), false)
  })

  test('that is a tag without its parentheses gets these', () => {
    for (const text of ['0008,0060', '00080060'])
      assert.match(error(text).message, /is not a DICOM keyword; did you mean "\(0008,0060\)"\?$/)
  })

  test('says where it is wrong', () => {
    const wrong = error('RequestAttributesSequence.ScheduledProcedureStpID')
    assert.equal(wrong.offset, 'RequestAttributesSequence.'.length)
    assert.equal(wrong.suggestions[0], 'ScheduledProcedureStepID')
  })

  for (const text of [
    '',
    '.',
    'Modality.',
    '.Modality',
    'Modality..PatientID',
    '(0008,0060',
    '(0008,006)',
    '(0008,00600)',
    '(0008 0060)',
    '(000g,0060)',
    '(0008,0060)Modality',
    '()',
    '(0010,xx01 EVEN GROUP)',
    '(0011,xx01 )',
    '(0011,xx0 NAME)',
    '(0011,xx01)',
    '(0000,0002)',
    '(0002,0010)',
    '(FFFE,E000)',
    'TransferSyntaxUID',
    'MessageID',
    'OverlayRows',
    'Modality'.padEnd(8 + 17 * 9, '.Modality'),
  ]) {
    test(`is not ${JSON.stringify(text.slice(0, 40))}`, () => {
      assert.equal(error(text).code, 'tag-path')
    })
  }
})
