import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { reachableBy } from '../../agent/routing/index.ts'
import { CT_IMAGE, MR_IMAGE, VERIFICATION } from '../support/messages.ts'
import { association, compiled } from './support.ts'

const SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7'
const PRIVATE = '1.2.276.0.1'
const all = ['a', 'b', 'c']

function reached(rules: object, abstractSyntax: string, facts = association()): readonly string[] {
  return reachableBy(compiled(rules), facts, all)(abstractSyntax)
}

const byModality = {
  rules: [
    { name: 'CT', when: { Modality: 'CT' }, route: 'a' },
    { name: 'MR', when: { Modality: 'MR' }, route: 'b' },
  ],
  default: 'c',
}

describe('the pools that a presentation context can still lead to', () => {
  const table: [subject: string, rules: object, abstractSyntax: string, pools: string[]][] = [
    ['are one, where the IOD fixes Modality', byModality, CT_IMAGE, ['a']],
    ['... and no rule wants this one', byModality, '1.2.840.10008.5.1.4.1.1.88.11', ['c']],
    ['are all, where it may have any', byModality, SECONDARY_CAPTURE, all],
    ['... or is private', byModality, PRIVATE, all],
    ['... or is not for storage', byModality, VERIFICATION, all],
    [
      '... or the rules ask for neither',
      { rules: [{ name: 'x', when: { PatientID: 'X' }, route: 'a' }] },
      CT_IMAGE,
      all,
    ],
    [
      'are those of its SOP Class UID',
      { rules: [{ name: 'MR', when: { SOPClassUID: MR_IMAGE }, route: 'b' }], default: 'c' },
      MR_IMAGE,
      ['b'],
    ],
    [
      'go on where another tag is not known',
      {
        rules: [
          { name: 'spine', when: { Modality: 'CT', BodyPartExamined: 'SPINE' }, route: 'a' },
          { name: 'CT', when: { Modality: 'CT' }, route: ['b', 'c'] },
        ],
      },
      CT_IMAGE,
      all,
    ],
    [
      'count the pool of what stays undecided',
      {
        rules: [{ name: 'spine', when: { Modality: 'CT', BodyPartExamined: 'SPINE' }, route: 'a' }],
        undecided: 'c',
      },
      CT_IMAGE,
      ['a', 'c'],
    ],
    [
      'do not depend on Modality where that would leave none: it is a hint',
      { rules: [{ name: 'none', when: { Modality: 'MR' }, reject: 'no-reason-given' }, byModality.rules[0]] },
      MR_IMAGE,
      ['a'],
    ],
    [
      'are none where the SOP class alone is refused',
      { rules: [{ name: 'none', when: { SOPClassUID: MR_IMAGE }, reject: 'no-reason-given' }], default: 'c' },
      MR_IMAGE,
      [],
    ],
  ]
  for (const [subject, rules, abstractSyntax, pools] of table) {
    test(subject, () => assert.deepEqual([...reached(rules, abstractSyntax)], pools))
  }

  test('are those of any Modality, without the hint', () => {
    assert.deepEqual([...reachableBy(compiled(byModality), association(), all)(CT_IMAGE, false)], all)
  })

  test('are those of the association: its facts count, and C-STORE is what comes on a storage context', () => {
    const rules = {
      rules: [
        { name: 'old', when: { callingAE: 'OLD' }, route: 'b' },
        { name: 'queries', when: { dimse: 'C-FIND' }, route: 'c' },
        ...byModality.rules,
      ],
    }
    const facts = association({ dimse: { state: 'unknown' } })
    assert.deepEqual(reached(rules, CT_IMAGE, facts), ['a'])
    assert.deepEqual(reached(rules, CT_IMAGE, { ...facts, callingAE: 'OLD' }), ['b'])
  })
})
