import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { rulesOf } from './support.ts'

const file = `
rules:
  - name: first
    description: |
      All that is known of it.
      In two lines.
    when:
      any:
        - { Modality: CT, not: { BodyPartExamined: HEAD } }
        - { not: { any: [{ PatientAge: { gte: 18Y, not: 020Y } }, { callingAE: [A, "0001"] }] } }
      all: [{ PatientID: { not: "T?*" } }, { StudyID: { exists: true } }]
      time: { days: [sat, sun], from: "20:00", zone: UTC }
      RequestAttributesSequence.ScheduledProcedureStepID: { not: { not: A } }
      dimse: C-STORE
    route: a
    stick: StudyInstanceUID
  - name: off
    enabled: false
    when: { InstitutionName: { exists: true }, StationName: A }
    route: b
    stick: SeriesInstanceUID
default: c
`

describe('a rule set', () => {
  const ruleSet = rulesOf({ '1.yaml': '# nothing\n', '2.yaml': file })
  const [first, last] = ruleSet.rules

  test('has the rules that are on, with what they say of themselves and where they stand', () => {
    assert.deepEqual(
      ruleSet.rules.map(({ name, line }) => [name, line]),
      [
        ['first', 3],
        ['default', 22],
      ],
    )
    assert.match(first?.file ?? '', /2\.yaml$/)
    assert.equal(first?.description, 'All that is known of it.\nIn two lines.')
    assert.deepEqual(last?.conditions, [])
  })

  test('has a text for each condition', () => {
    assert.deepEqual(first?.conditions.map(({ text }) => text).sort(), [
      '((Modality: CT and not BodyPartExamined: HEAD) or not (PatientAge: {gte: 18Y, not: 020Y} or callingAE: [A, "0001"]))',
      'StudyID: {exists: true}',
      'dimse: C-STORE',
      'not PatientID: T?*',
      'not not RequestAttributesSequence.ScheduledProcedureStepID: A',
      'time: {days: [sat, sun], from: 20:00, zone: UTC}',
    ])
  })

  test('looks up what its rules ask for, and knows which of it decides, at any depth', () => {
    const deciding = [
      'BodyPartExamined',
      'Modality',
      'PatientAge',
      'PatientID',
      'RequestAttributesSequence.ScheduledProcedureStepID',
      'StudyID',
    ]
    assert.deepEqual(ruleSet.deciding.map(({ text }) => text).sort(), deciding)
    assert.deepEqual(ruleSet.paths.map(({ text }) => text).sort(), [...deciding, 'StudyInstanceUID'])
  })
})

test('a rule set knows whether a rule that is on looks at the source, at any depth', () => {
  const uses = (when: string, more = '') =>
    rulesOf({ 'a.yaml': `rules: [{ name: r, when: ${when}, route: ct${more} }]\ndefault: ct\n` }).usesSource
  assert.equal(uses('{ not: { any: [{ Modality: CT }, { source: 10.1.0.0/16 }] } }'), true)
  assert.equal(uses('{ source: 10.1.0.0/16 }', ', enabled: false'), false)
  assert.equal(uses('{ callingAE: source }'), false)
})
