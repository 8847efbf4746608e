import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type AssociateRq, readMessageHead } from '../../agent/dicom/index.ts'
import { type InstanceAnswer, instance } from '../../agent/steps/instance.ts'
import { promise, request } from '../negotiation/support.ts'
import { implicitDataset, type StoreOptions, storeRq } from '../support/messages.ts'
import { promised, site, told } from './support.ts'

type Elements = Record<string, string>
const modality = '00080060'
const institution = '00080080'
const patientId = '00100020'
const ct = { [modality]: 'CT', [patientId]: 'P1' }

interface Question {
  elements: Elements
  options?: StoreOptions
  rq?: Partial<AssociateRq>
  source?: string
}

/** What is said of this instance in an association that is bound to the pool ct. */
function ask(
  { elements, options, rq, source = '203.0.113.1' }: Question,
  mixed: string,
  accepted = promised,
) {
  const head = readMessageHead(storeRq(implicitDataset(elements), options))
  const bound = { bound: 'ct', boundBy: 'CT', mixed }
  const { headBytes: _, ...answer } = instance(site.ruleSet, request(rq), accepted, head, told(source), bound)
  return answer
}

describe('instance passes what the rules route to the bound pool, whatever mixed says', () => {
  const table: [subject: string, question: Question][] = [
    ['the same as the first', { elements: ct }],
    ['another patient', { elements: { ...ct, [patientId]: 'P2' } }],
    ['where all that matters is there', { elements: ct, options: { last: false } }],
  ]
  for (const [subject, question] of table) {
    test(subject, () => {
      for (const mixed of ['refuse', 'follow', 'instance'])
        assert.deepEqual(ask(question, mixed), { verdict: 'pass', rule: 'CT', pool: 'ct' })
    })
  }
})

describe('instance refuses, or lets follow where mixed says so,', () => {
  type Told = Pick<InstanceAnswer, 'rule' | 'pool'>
  const table: [subject: string, question: Question, told: Told, refusal: string][] = [
    [
      'what belongs to another pool',
      { elements: { [modality]: 'MR' } },
      { rule: 'other images', pool: 'general' },
      'other-pool',
    ],
    [
      'by a later attribute',
      { elements: { [institution]: 'LATE' } },
      { rule: 'late', pool: 'general' },
      'other-pool',
    ],
    [
      "by the client's address",
      { elements: ct, source: '10.0.0.1' },
      { rule: 'sites', pool: 'general' },
      'other-pool',
    ],
    ['what no rule matches', { elements: ct, rq: { calledAE: 'NOBODY' } }, {}, 'no-rule'],
    [
      'what a rule rejects',
      { elements: { [modality]: 'MR' }, rq: { calledAE: 'PICKY' } },
      { rule: 'dataset refused' },
      'temporary-congestion',
    ],
    [
      'what the head does not decide',
      { elements: { '00080005': 'ISO_IR 6' }, options: { last: false } },
      { rule: 'CT' },
      'undecided',
    ],
    [
      'where only the key is missing',
      { elements: { [modality]: 'CT' }, options: { last: false } },
      { rule: 'CT' },
      'undecided',
    ],
  ]
  for (const [subject, question, told, refusal] of table) {
    test(subject, () => {
      for (const mixed of ['refuse', 'instance'])
        assert.deepEqual(ask(question, mixed), { verdict: 'refuse', ...told, refusal })
      assert.deepEqual(ask(question, 'follow'), { verdict: 'follow', ...told })
    })
  }
})

describe('instance refuses, even where all may follow,', () => {
  const refused: InstanceAnswer = { verdict: 'refuse', refusal: 'unknown-context' }

  test('what comes on a context that was not promised', () => {
    assert.deepEqual(ask({ elements: ct, options: { contextId: 3 } }, 'follow'), refused)
  })

  test('what comes on a context that was refused', () => {
    const none = promise(request(), [{ transferSyntaxes: ['1.2.3'] }])
    assert.deepEqual(ask({ elements: ct }, 'follow', none), refused)
  })
})

test('instance never takes a part of a value for the whole, wherever the head is cut', () => {
  const whole = implicitDataset({ ...ct, '0020000d': '1.2.3' })
  for (let length = 1; length < whole.length; length++) {
    const head = readMessageHead(storeRq(whole.subarray(0, length), { last: false }))
    const { verdict } = instance(site.ruleSet, request(), promised, head, told(), {
      bound: 'ct',
      boundBy: 'CT',
      mixed: 'refuse',
    })
    // 10 bytes of Modality, 10 of PatientID
    assert.equal(verdict, length < 20 ? 'refuse' : 'pass', `at ${length}`)
  }
})
