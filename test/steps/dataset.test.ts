import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type AbortReason,
  type AssociateRq,
  abortReasons,
  decodeAbort,
  decodeAssociateRq,
  encodeAssociateRq,
  pduHeaderLength,
  readMessageHead,
} from '../../agent/dicom/index.ts'
import { dataset } from '../../agent/steps/dataset.ts'
import { promise, request } from '../negotiation/support.ts'
import { rulesOf } from '../routing/support.ts'
import {
  CT_IMAGE,
  commandOnly,
  implicitDataset,
  type StoreOptions,
  storeRq,
  VERIFICATION,
} from '../support/messages.ts'
import { promised, site, told } from './support.ts'

type Elements = Record<string, string>
const modality = '00080060'
const institution = '00080080'
const patientId = '00100020'
/** What makes a dataset go on beyond the last tag that the rules ask for. */
const later = { '0020000d': '1.2.3' }

function ask(elements: Elements, options: StoreOptions = {}, rq: Partial<AssociateRq> = {}) {
  const head = readMessageHead(storeRq(implicitDataset(elements), options))
  return dataset(site, request(rq), promised, head, told('203.0.113.1'))
}

describe('dataset binds', () => {
  const table: [subject: string, elements: Elements, options: StoreOptions, rule: string, backend: string][] =
    [
      ['by value', { [modality]: 'CT', [patientId]: 'P1' }, {}, 'CT', 'ct'],
      [
        'before the end, where all that matters is there',
        { [modality]: 'CT', [patientId]: 'P1' },
        { last: false },
        'CT',
        'ct',
      ],
      ['across fragments', { [modality]: 'CT', [patientId]: 'P1', ...later }, { fragment: 3 }, 'CT', 'ct'],
      [
        'by a later rule, where earlier ones are false',
        { [modality]: 'US', ...later },
        { last: false },
        'other images',
        'general',
      ],
      ['by a later attribute', { [modality]: 'US', [institution]: 'LATE' }, {}, 'late', 'general'],
      [
        'a request that stores nothing by its association',
        { [modality]: 'CT' },
        { commandField: 0x0020 },
        'queries',
        'general',
      ],
    ]
  for (const [subject, elements, options, rule, backend] of table) {
    test(subject, () => {
      const presentationContexts = [
        {
          id: 1,
          abstractSyntax: CT_IMAGE,
          transferSyntaxes: ['1.2.840.10008.1.2.4.70', '1.2.840.10008.1.2'],
        },
        { id: 3, abstractSyntax: VERIFICATION, transferSyntaxes: ['1.2.840.10008.1.2'] },
      ]
      const answer = ask(elements, options, { presentationContexts })
      assert.ok('backend' in answer, JSON.stringify(answer))
      assert.deepEqual([answer.rule, answer.backend], [rule, backend])
      const offered = decodeAssociateRq((answer.offer ?? Buffer.alloc(0)).subarray(pduHeaderLength))
      assert.equal(offered.calledAE, backend === 'ct' ? 'CT_ARCHIVE' : 'SCP')
      assert.deepEqual(offered.presentationContexts, [
        { id: 1, abstractSyntax: CT_IMAGE, transferSyntaxes: ['1.2.840.10008.1.2'] },
      ])
    })
  }

  test('with what the rule says of later instances', () => {
    const mixed = (elements: Elements) => {
      const answer = ask(elements)
      assert.ok('backend' in answer)
      return answer.mixed
    }
    assert.equal(mixed({ [modality]: 'CT' }), 'refuse')
    assert.equal(mixed({ [institution]: 'LATE' }), 'follow')
    assert.equal(mixed({ [modality]: 'US' }), 'instance')
  })

  test('with the attributes that conditions look at, unless one of them is private', () => {
    const attributes = (when: string) => {
      const rules = `rules: [{ name: a, when: { ${when} }, route: ct, stick: PatientName }]\ndefault: ct`
      const decided = { ...site, ruleSet: rulesOf({ 'rules.yaml': rules }) }
      const head = readMessageHead(storeRq(implicitDataset({ [modality]: 'CT' })))
      const answer = dataset(decided, request(), promised, head, told())
      assert.ok('backend' in answer)
      return answer.attributes?.toString('hex')
    }
    assert.equal(attributes('Modality: CT, PatientID: P'), '0008006000100020')
    assert.equal(attributes('callingAE: A'), '')
    assert.equal(
      attributes('any: [{ Modality: CT }, { not: { PatientID: { exists: true } } }]'),
      '0008006000100020',
    )
    // US or SS, as Pixel Representation says
    assert.equal(attributes('SmallestImagePixelValue: { lt: 0 }'), '0028010600280103')
    assert.equal(attributes('RequestAttributesSequence.ScheduledProcedureStepID: S'), '00400275')
    assert.equal(attributes('Modality: CT, "(0019,xx10 SIEMENS MR HEADER)": S'), undefined)
  })

  test('one patient by one key, which is a hash, and nobody by none', () => {
    const key = (id: string) => {
      const answer = ask({ [modality]: 'CT', [patientId]: id })
      assert.ok('key' in answer)
      return answer.key
    }
    assert.match(key('P1') ?? '', /^[\w-]{43}$/)
    assert.equal(key('P1'), key('P1 '))
    assert.notEqual(key('P1'), key('P2'))
    assert.equal(key(''), undefined)
  })

  test('a C-ECHO by its association', () => {
    const presentationContexts = [
      { id: 1, abstractSyntax: VERIFICATION, transferSyntaxes: ['1.2.840.10008.1.2'] },
    ]
    const rq = request({ presentationContexts })
    const answer = dataset(site, rq, promise(rq, [{}]), readMessageHead(commandOnly(0x30)), told())
    assert.ok('backend' in answer)
    assert.equal(answer.rule, 'queries')
    assert.deepEqual(answer.offer, encodeAssociateRq(rq))
  })
})

describe('dataset aborts', () => {
  const table: [
    subject: string,
    elements: Elements,
    options: StoreOptions,
    rq: Partial<AssociateRq>,
    rule: string | undefined,
    refusal: string,
    reason: AbortReason,
  ][] = [
    [
      'where no rule matches',
      { [modality]: 'MR' },
      {},
      { calledAE: 'NOBODY' },
      undefined,
      'no-rule',
      'reason-not-specified',
    ],
    [
      'by rule',
      { [modality]: 'MR' },
      {},
      { calledAE: 'PICKY' },
      'dataset refused',
      'temporary-congestion',
      'reason-not-specified',
    ],
    [
      'on a context that was not promised',
      { [modality]: 'CT' },
      { contextId: 3 },
      {},
      undefined,
      'unknown-context',
      'invalid-pdu-parameter-value',
    ],
    [
      'where the head ends before the tag',
      { '00080016': '1.2' },
      { last: false },
      {},
      'CT',
      'undecided',
      'reason-not-specified',
    ],
    [
      'where only the key is missing',
      { [modality]: 'CT' },
      { last: false },
      {},
      'CT',
      'undecided',
      'reason-not-specified',
    ],
  ]
  for (const [subject, elements, options, rq, rule, refusal, reason] of table) {
    test(subject, () => {
      const answer = ask(elements, options, rq)
      assert.ok('refusal' in answer, JSON.stringify(answer))
      assert.deepEqual([answer.rule, answer.refusal], [rule, refusal])
      assert.deepEqual(decodeAbort(answer.answer.subarray(pduHeaderLength)), abortReasons[reason])
    })
  }

  test('on a context that was refused', () => {
    const rq = request()
    const none = promise(rq, [{ transferSyntaxes: ['1.2.3'] }])
    const answer = dataset(
      site,
      rq,
      none,
      readMessageHead(storeRq(implicitDataset({ [modality]: 'CT' }))),
      told(),
    )
    assert.ok('refusal' in answer)
    assert.equal(answer.refusal, 'unknown-context')
  })

  test('wherever the head is cut before the value ends, and never takes a part of it for the whole', () => {
    const whole = implicitDataset({ [modality]: 'CT', [patientId]: 'P1234567', ...later })
    for (let length = 1; length < whole.length; length++) {
      const head = readMessageHead(storeRq(whole.subarray(0, length), { last: false }))
      const answer = dataset(site, request(), promised, head, told())
      // 10 bytes of Modality, 16 of PatientID
      if (length < 26) assert.ok('refusal' in answer && answer.refusal === 'undecided', `at ${length}`)
      else assert.ok('backend' in answer && answer.backend === 'ct', `at ${length}`)
    }
  })
})
