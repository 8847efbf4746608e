import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { formatProblem } from '../../agent/routing/errors.ts'
import { type Lint, lint } from '../../agent/routing/lint.ts'
import { verdict } from '../../agent/routing/verdict.ts'
import { writtenRules } from '../../agent/routing/written.ts'
import { association, lookups, readRulesOf } from './support.ts'

function lintOf(file: string): Lint {
  const { files, ruleSet } = readRulesOf({ 'r.yaml': file })
  const attributes = ruleSet.paths.map(({ text }) => text)
  return lint(writtenRules(files), attributes)
}

/** `when` of rules that route to a, one on each line from the second on. */
const rules = (...whens: string[]) =>
  `rules:\n${whens.map((when, index) => `  - { name: R${index + 1}, when: { ${when} }, route: a }\n`).join('')}`

const pathsOf = (file: string) => lintOf(file).paths.map(({ rule, path, why }) => `${rule}: ${path}: ${why}`)
const warningsOf = (file: string) =>
  lintOf(file).warnings.map(problem =>
    formatProblem(problem)
      .replace(/\(.*?(r\.yaml:\d+)\)/g, '($1)')
      .replace(/^.*?r\.yaml:/, ''),
  )

type Row = [subject: string, file: string, ...expected: string[]]

describe('the path of a rule', () => {
  const table: Row[] = [
    ['that needs no tags', rules('callingAE: X'), 'R1: direct: needs no tags'],
    ['that needs some', rules('Modality: CT, callingAE: X'), 'R1: delayed: needs Modality'],
    [
      'that needs the first command, which not every proposal tells, and of those behind it',
      rules('dimse: C-FIND', 'dimse: C-STORE, Modality: CT', 'callingAE: X'),
      'R1: direct or delayed: may need dimse',
      'R2: delayed: needs dimse, Modality',
      'R3: direct or delayed: rule "R1" before it may need dimse',
    ],
    [
      'behind one that needs tags of everybody',
      rules('Modality: CT', 'callingAE: X'),
      'R1: delayed: needs Modality',
      'R2: delayed: rule "R1" before it needs Modality',
    ],
    [
      'behind one that needs tags of some',
      rules('calledAE: ARCH, Modality: CT, BodyPartExamined: HEAD', 'callingAE: X'),
      'R1: delayed: needs Modality, BodyPartExamined',
      'R2: direct or delayed: rule "R1" before it may need Modality, BodyPartExamined',
    ],
    [
      'behind one that needs tags of others',
      rules(
        'calledAE: A*, Modality: CT',
        'source: 10.1.0.0/16, Modality: CT',
        'calledAE: [B, C], source: 10.2.0.0/16',
      ),
      'R1: delayed: needs Modality',
      'R2: delayed: needs Modality',
      'R3: direct: needs no tags',
    ],
    [
      'behind one that needs tags for another SOP class, which an association may propose beside its own',
      rules('sopClass: CT Image Storage, Modality: CT', 'sopClass: MR Image Storage'),
      'R1: delayed: needs Modality',
      'R2: direct or delayed: rule "R1" before it may need Modality',
    ],
    [
      'behind one that needs tags of all that it matches',
      rules(
        'calledAE: "A*", Modality: CT',
        'source: 10.0.0.0/8, Modality: CT',
        'calledAE: AB',
        'source: 10.1.0.0/16',
      ),
      'R1: delayed: needs Modality',
      'R2: delayed: needs Modality',
      'R3: delayed: rule "R1" before it needs Modality',
      'R4: delayed: rule "R2" before it needs Modality',
    ],
    [
      'that combines',
      rules(
        'any: [{ callingAE: X }, { Modality: CT }]',
        'not: { Modality: MR, callingAE: Y }',
        'any: [{ Modality: CT }, { BodyPartExamined: HEAD }]',
        'all: [{ callingAE: X }, { all: [{ Modality: CT }] }]',
        'not: { callingAE: X }, time: { from: "07:00", zone: UTC }',
      ),
      'R1: direct or delayed: may need Modality',
      'R2: direct or delayed: may need Modality',
      'R3: delayed: needs Modality, BodyPartExamined',
      'R4: delayed: needs Modality',
      'R5: delayed: rule "R3" before it needs Modality, BodyPartExamined',
    ],
    [
      'with operators',
      rules('callingAE: { startsWith: A }', 'PatientAge: { lt: 18Y }, calledAE: { not: X }', 'callingAE: B'),
      'R1: direct: needs no tags',
      'R2: delayed: needs PatientAge',
      'R3: direct or delayed: rule "R2" before it may need PatientAge',
    ],
    [
      'beside one that is off',
      'rules:\n  - { name: R1, enabled: false, when: { Modality: CT }, route: a }\ndefault: a\n',
      'default: direct: needs no tags',
    ],
    [
      'that sticks to tags',
      'rules:\n  - { name: R1, when: { callingAE: X }, route: a, stick: PatientID }\ndefault: a\n',
      'R1: delayed: sticks to PatientID',
      'default: direct: needs no tags',
    ],
    [
      'that rejects',
      'rules:\n  - { name: R1, when: { callingAE: X }, reject: no-reason-given }\n  - { name: R2, when: { Modality: CT }, reject: no-reason-given }\ndefault: { reject: no-reason-given }\n',
      'R1: direct: needs no tags; refuses with an A-ASSOCIATE-RJ',
      'R2: delayed: needs Modality; refuses with an A-ABORT, later instances with a C-STORE-RSP',
      'default: delayed: rule "R2" before it needs Modality; refuses with an A-ABORT, later instances with a C-STORE-RSP',
    ],
    [
      'that is never tried',
      rules('callingAE: X', 'callingAE: X, Modality: CT', 'calledAE: Y'),
      'R1: direct: needs no tags',
      'R2: never: rule "R1" comes first',
      'R3: direct: needs no tags',
    ],
  ]
  for (const [subject, file, ...expected] of table) {
    test(subject, () => assert.deepEqual(pathsOf(file), expected))
  }
})

describe('warnings', () => {
  const table: Row[] = [
    ['none', `${rules('callingAE: X', 'Modality: CT', 'Modality: "*"')}default: a\n`],
    [
      'a rule that is always true',
      `${rules('Modality: CT', 'callingAE: "*"', 'callingAE: X')}default: a\n`,
      '3:13: rule "R2": is always true: give it conditions, or make it the default',
      '4:13: rule "R3": can never be reached: rule "R2" (r.yaml:3) comes first and matches everything',
      '5:10: can never be reached: rule "R2" (r.yaml:3) comes first and matches everything',
    ],
    [
      'the same conditions in another order',
      rules('Modality: [CT, MR], callingAE: X', 'callingAE: X, Modality: [MR, CT]'),
      '3:13: rule "R2": can never be reached: rule "R1" (r.yaml:2) comes first and matches all that this one does',
    ],
    [
      'narrower conditions',
      rules(
        'Modality: [C*, MR]',
        'Modality: [CT, MR], callingAE: X',
        'source: 10.0.0.0/8',
        'source: [10.1.2.3, 10.2.0.0/16]',
      ),
      '2:13: rule "R1": makes every association wait for Modality, though rule "R3" (r.yaml:4) needs no tags: put it first',
      '3:13: rule "R2": can never be reached: rule "R1" (r.yaml:2) comes first and matches all that this one does',
      '5:13: rule "R4": can never be reached: rule "R3" (r.yaml:4) comes first and matches all that this one does',
    ],
    ['conditions that only look narrower', rules('Modality: CT', 'Modality: C*', 'Modality: [CT, MR]')],
    [
      'the same combination again',
      rules(
        'any: [{ callingAE: X }, { Modality: CT }], time: { from: "07:00", zone: UTC }',
        'time: { zone: UTC, from: "07:00" }, any: [{ Modality: CT }, { callingAE: X }], calledAE: Y',
      ),
      '3:13: rule "R2": can never be reached: rule "R1" (r.yaml:2) comes first and matches all that this one does',
    ],
    [
      'combinations that differ',
      rules('any: [{ callingAE: X }]', 'not: { callingAE: X }', 'callingAE: { not: X }', 'callingAE: X'),
    ],
    ['wider networks', rules('source: 10.0.0.0/16', 'source: 10.0.0.0/8', 'source: ["10.0.0.1", "::/0"]')],
    [
      'everybody waits',
      rules('Modality: CT', 'Modality: MR', 'calledAE: A', 'calledAE: B'),
      '2:13: rule "R1": makes every association wait for Modality, though rule "R3" (r.yaml:4), rule "R4" (r.yaml:5) need no tags: put them first',
    ],
    ['only some wait', rules('Modality: CT, callingAE: X', 'calledAE: A')],
    ['what is left is for the default', `${rules('Modality: CT')}default: a\n`],
  ]
  for (const [subject, file, ...expected] of table) {
    test(subject, () => assert.deepEqual(warningsOf(file).sort(), expected))
  }
})

test('what is said of a rule holds for every association', () => {
  const title = fc.constantFrom('A', 'AB', 'B')
  const address = fc.constantFrom('10.1.0.1', '10.1.2.3', '10.2.0.1', '192.0.2.1')
  const condition = {
    callingAE: fc.constantFrom('A', 'A*', '*', 'B', '?'),
    calledAE: fc.constantFrom('A', 'A*', 'B'),
    source: fc.constantFrom('10.0.0.0/8', '10.1.0.0/16', '10.1.2.3', '10.2.0.1', '0.0.0.0/0'),
    Modality: fc.constantFrom('CT', 'C*', 'MR', '*'),
    PatientID: fc.constantFrom('1', '?'),
  }
  const list = Object.entries(condition).map(([key, value]): [string, fc.Arbitrary<string[]>] => [
    key,
    fc.array(value, { minLength: 1, maxLength: 2 }),
  ])
  const some = (entries: typeof list) =>
    fc.record(Object.fromEntries(entries), { requiredKeys: [], noNullPrototype: true })
  const simple = fc.oneof(some(list), some(list.slice(0, 3)))
  const filled = simple.filter(when => Object.keys(when).length > 0)
  const combined = fc.oneof(
    fc.record({ any: fc.array(filled, { minLength: 1, maxLength: 2 }) }),
    fc.record({ all: fc.array(filled, { minLength: 1, maxLength: 2 }) }),
    fc.record({ not: filled }),
  )
  const when = fc.oneof(
    { weight: 3, arbitrary: simple },
    fc.tuple(simple, combined).map(([some, others]) => ({ ...some, ...others })),
  )
  const stick = fc.constantFrom(undefined, 'callingAE', 'PatientID')
  const ruleFile = fc.array(fc.tuple(when, stick), { minLength: 1, maxLength: 5 }).map(all =>
    JSON.stringify({
      rules: all.map(([when, stick], index) => ({
        name: `R${index}`,
        when,
        route: 'a',
        ...(stick && { stick }),
      })),
      default: 'a',
    }),
  )
  const facts = fc.record({ callingAE: title, calledAE: title, source: address })
  const attributes = fc.record(
    { Modality: fc.constantFrom('CT', 'MR', 'US'), PatientID: fc.constantFrom('1', '22') },
    { requiredKeys: [], noNullPrototype: true },
  )
  const seen = new Map<string, number>()
  fc.assert(
    fc.property(
      ruleFile,
      fc.array(fc.tuple(facts, attributes), { minLength: 10, maxLength: 10 }),
      (file, cases) => {
        const { ruleSet } = readRulesOf({ 'r.yaml': file })
        const paths = new Map(lintOf(file).paths.map(({ rule, path }) => [rule, path]))
        for (const [facts, attributes] of cases) {
          const { rule = '', path } = verdict(ruleSet, association(facts), lookups(ruleSet, attributes))
          const told = paths.get(rule) ?? ''
          seen.set(told, (seen.get(told) ?? 0) + 1)
          assert.ok(told === path || told === 'direct or delayed', `${rule} is ${path}, not ${told}: ${file}`)
        }
      },
    ),
    { numRuns: 500 },
  )
  for (const path of ['direct', 'delayed', 'direct or delayed']) assert.ok((seen.get(path) ?? 0) > 20, path)
})
