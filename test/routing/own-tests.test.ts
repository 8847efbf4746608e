import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { problemsOf, readRulesOf, rulesOf } from './support.ts'

const rules = `rules:
  - { name: strangers, when: { callingAE: "TEST*" }, reject: calling-ae-title-not-recognized }
  - { name: site, when: { source: 10.0.0.0/8 }, route: near, stick: callingAE }
  - { name: unwanted, when: { InstitutionName: ELSEWHERE }, reject: temporary-congestion }
  - { name: CT, when: { Modality: CT }, route: ct, stick: PatientID, mixed: follow }
  - { name: step, when: { RequestAttributesSequence.ScheduledProcedureStepID: S1 }, route: ct }
  - { name: night, when: { calledAE: NIGHT, time: { from: "20:00", to: "06:00", zone: UTC } }, route: ct }
  - { name: query, when: { dimse: [C-FIND, C-MOVE] }, route: near }
  - { name: JPEG, when: { transferSyntax: RLE Lossless, implementation: ORTHANC* }, route: ct, stick: tlsClientCN }
  - { name: DX, when: { Modality: DX }, route: [near, ct], stick: [callingAE, PatientID] }
`

/** Of a test with this `given` and `expect`, in the eleventh line. */
const problems = (given: string, expect: string, rest = '') =>
  problemsOf({ 'r.yaml': `${rules}tests: [{ name: T, given: ${given}, expect: ${expect} }]\n${rest}` })

describe('tests that stand beside the rules', () => {
  const passing: [subject: string, given: string, expect: string][] = [
    [
      'a rejection by the association',
      '{ callingAE: TEST1 }',
      '{ rule: strangers, path: direct, reject: calling-ae-title-not-recognized }',
    ],
    [
      'a rejection by the dataset',
      '{ InstitutionName: ELSEWHERE }',
      '{ path: delayed, reject: temporary-congestion }',
    ],
    [
      'an address',
      '{ source: 10.1.2.3, callingAE: A }',
      '{ rule: site, route: near, path: direct, mixed: refuse, stick: A }',
    ],
    [
      'tags',
      '{ Modality: CT, PatientID: P1 }',
      '{ rule: CT, route: ct, path: delayed, mixed: follow, stick: P1 }',
    ],
    ['a tag by number', '{ "(0008,0060)": CT }', '{ rule: CT }'],
    ['several values', '{ Modality: [MR, CT], PatientID: [P1, P2] }', '{ rule: CT, stick: [P1, P2] }'],
    [
      'within sequences',
      '{ RequestAttributesSequence.ScheduledProcedureStepID: [S0, S1] }',
      '{ rule: step }',
    ],
    ['no rule', '{ Modality: US }', '{ reject: no-rule, path: delayed }'],
    ['an empty value', '{ Modality: CT, PatientID: "" }', '{ rule: CT, stick: [] }'],
    [
      'a query, which has no dataset',
      '{ sopClass: Verification, Modality: CT }',
      '{ path: direct, reject: no-rule }',
    ],
    [
      'a SOP class that stores',
      '{ sopClass: CT Image Storage, Modality: CT }',
      '{ rule: CT, path: delayed }',
    ],
    [
      'the first pool of a list, and what sticks by two keys',
      '{ Modality: DX, callingAE: A, PatientID: P1 }',
      '{ route: near, stick: [A, P1] }',
    ],
    ['a time', '{ calledAE: NIGHT, time: 2026-01-31T22:00+01:00 }', '{ rule: night, path: delayed }'],
    ['another time', '{ calledAE: NIGHT, time: 2026-01-31T12:00Z }', '{ reject: no-rule }'],
    [
      'a query',
      '{ sopClass: Study Root Query/Retrieve Information Model - FIND }',
      '{ rule: query, path: direct }',
    ],
    ['a command', '{ dimse: C-MOVE, Modality: CT }', '{ rule: query, path: direct }'],
    [
      'the sender',
      '{ transferSyntax: RLE Lossless, implementation: [1.2.3, ORTHANC_1], tlsClientCN: C }',
      '{ rule: JPEG, stick: C }',
    ],
    ['tags that no rule asks for', '{ Modality: CT, Rows: "512" }', '{ rule: CT }'],
  ]
  for (const [subject, given, expect] of passing) {
    test(`pass: ${subject}`, () => assert.deepEqual(problems(given, expect), []))
  }

  test('take the SOP class of the dataset for the one that is proposed', () => {
    const sopClass = 'rules: [{ name: CT, when: { sopClass: CT Image Storage }, route: ct }]\n'
    const given = 'given: { SOPClassUID: 1.2.840.10008.5.1.4.1.1.2 }'
    assert.deepEqual(
      problemsOf({ 'r.yaml': `${sopClass}tests: [{ name: T, ${given}, expect: { rule: CT } }]\n` }),
      [],
    )
  })

  test('must give the time that they depend on', () => {
    assert.deepEqual(problems('{ calledAE: NIGHT }', '{ route: ct }'), [
      'r.yaml:11:27: test "T": depends on the time: give one, as in time: 2026-01-31T22:00+01:00',
    ])
  })

  const failing: [subject: string, given: string, expect: string, ...problems: string[]][] = [
    ['the rule', '{ Modality: CT }', '{ rule: MR }', '11:61: test "T": expected rule MR, got CT'],
    [
      'the route',
      '{ Modality: CT }',
      '{ route: mr }',
      '11:62: test "T": expected route mr, got ct (rule "CT")',
    ],
    [
      'the path',
      '{ Modality: CT }',
      '{ path: direct }',
      '11:61: test "T": expected path direct, got delayed (rule "CT")',
    ],
    [
      'several things',
      '{ callingAE: TEST1 }',
      '{ route: ct, mixed: follow }',
      '11:66: test "T": expected route ct, got reject calling-ae-title-not-recognized (rule "strangers")',
      '11:77: test "T": expected mixed follow, got reject calling-ae-title-not-recognized (rule "strangers")',
    ],
    [
      'a route where nothing matches',
      '{ Modality: US }',
      '{ route: ct }',
      '11:62: test "T": expected route ct, got reject no-rule',
    ],
    [
      'a rejection',
      '{ Modality: CT }',
      '{ reject: no-rule }',
      '11:63: test "T": expected reject no-rule, got route ct (rule "CT")',
    ],
    [
      'what sticks, without telling of patients',
      '{ Modality: CT, PatientID: P1 }',
      '{ stick: P2 }',
      '11:77: test "T": expected to stick to another value',
    ],
  ]
  for (const [subject, given, expect, ...expected] of failing) {
    test(`fail, and the rules are not loaded: ${subject}`, () => {
      assert.deepEqual(
        problems(given, expect),
        expected.map(problem => `r.yaml:${problem}`),
      )
    })
  }

  const wrong: [subject: string, test: string, ...problems: string[]][] = [
    ['no map', 'T', '1:9: test "#1": the test must be a map'],
    ['nothing in it', '{}', '1:9: test "#1": name is missing', '1:9: test "#1": expect is missing'],
    ['nothing expected', '{ name: T, expect: {} }', '1:28: test "T": expect is empty: say what is expected'],
    [
      'another key',
      '{ name: T, when: {}, expect: { pool: ct } }',
      '1:20: test "T": unknown key "when": a test has name, given, expect',
      '1:40: test "T": unknown key "pool": expect has rule, route, reject, path, mixed, stick',
    ],
    [
      'another path',
      '{ name: T, expect: { path: refused } }',
      '1:36: test "T": path must be one of direct, delayed',
    ],
    [
      'a number',
      '{ name: T, given: { PatientID: 0001 }, expect: { rule: R } }',
      '1:40: test "T": 0001 is a number in YAML: quote it: "0001"',
    ],
    [
      'no keyword',
      '{ name: T, given: { Modalty: CT }, expect: { rule: R } }',
      '1:29: test "T": "Modalty" is not a DICOM keyword; did you mean Modality?',
    ],
    [
      'no fact',
      '{ name: T, given: { callingAe: A }, expect: { rule: R } }',
      '1:29: test "T": "callingAe" is no fact; did you mean callingAE?',
    ],
    [
      'no address',
      '{ name: T, given: { source: 10.0.0.0/8 }, expect: { rule: R } }',
      '1:37: test "T": "10.0.0.0/8" is no address, such as 10.1.2.3 or 2001:db8::1',
    ],
    [
      'two callers',
      '{ name: T, given: { callingAE: [A, B] }, expect: { rule: R } }',
      '1:40: test "T": an association has one',
    ],
    [
      'no time',
      '{ name: T, given: { time: "22:00" }, expect: { rule: R } }',
      '1:35: test "T": must be a moment with its offset, such as 2026-01-31T22:00+01:00',
    ],
    [
      'no command',
      '{ name: T, given: { dimse: STORE }, expect: { rule: R } }',
      '1:36: test "T": "STORE" is no command of DICOM: one of C-STORE, C-GET, C-FIND, C-MOVE, C-ECHO, N-EVENT-REPORT, N-GET, N-SET, N-ACTION, N-CREATE, N-DELETE, C-CANCEL',
    ],
    [
      'no SOP class',
      '{ name: T, given: { sopClass: [Verification, CT] }, expect: { rule: R } }',
      '1:54: test "T": unknown SOP class "CT": use its UID, or its name in PS3.6',
    ],
  ]
  for (const [subject, written, ...expected] of wrong) {
    test(`are written wrongly: ${subject}`, () => {
      const found = problemsOf({ 'r.yaml': `tests: [${written}]\nrules: [{ name: R, route: a }]\n` })
      assert.deepEqual(
        found,
        expected.map(problem => `r.yaml:${problem}`),
      )
    })
  }

  test('are told together with what is wrong with the rules', () => {
    assert.deepEqual(problemsOf({ 'a.yaml': 'rules: [R]\n', 'b.yaml': 'tests: [T]\n' }), [
      'a.yaml:1:9: rule "#1": the rule must be a map',
      'b.yaml:1:9: test "#1": the test must be a map',
    ])
  })

  test('ask the rules of all files', () => {
    const tests = 'tests: [{ name: T, given: { callingAE: A }, expect: { route: ct } }]\n'
    const files = { '0.yaml': tests, '1.yaml': 'rules: [{ name: R, when: { callingAE: A }, route: ct }]\n' }
    assert.equal(rulesOf(files).rules.length, 1)
    assert.deepEqual(
      readRulesOf(files).tests.map(({ test: { name }, problems }) => [name, problems]),
      [['T', []]],
    )
  })
})
