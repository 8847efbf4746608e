import { isIP } from 'node:net'
import {
  closest,
  type Lookup,
  mayStore,
  parseTagPath,
  sopClassByName,
  type TagPath,
  TagPathError,
} from '../dicom/index.ts'
import type { RuleProblem } from './errors.ts'
import type { AssociationFacts, DatasetFacts } from './facts.ts'
import type { RuleSet } from './rule-set.ts'
import { type TestSource, testSource } from './schema.ts'
import { shaped } from './shape.ts'
import type { Path, SourceFile } from './source-file.ts'
import { type Verdict, verdict } from './verdict.ts'

/** A test of the rules that stands in a rule file: given facts and attributes, and what is expected then. */
export interface RuleTest {
  name: string
  association: AssociationFacts
  /** no attributes where the association cannot carry a dataset */
  attributes: ReadonlyMap<string, readonly string[]> | 'never'
  expect: TestSource['expect']
  problem(path: Path, message: string): RuleProblem
}

export interface TestResult {
  test: RuleTest
  dataset: DatasetFacts
  problems: readonly RuleProblem[]
}

/** The tests of the rule files; what is wrong with how they are written goes to `problems`. */
export function readTests(files: readonly SourceFile[], problems: RuleProblem[]): RuleTest[] {
  return files.flatMap(file => {
    const { tests } = Object(file.data)
    if (!Array.isArray(tests)) return []
    return tests.flatMap((written, index) => {
      const path = ['tests', index]
      const source = shaped(testSource, written, path, file, problems)
      if (!source) return []
      const problem: RuleTest['problem'] = (below, message) => file.problem([...path, ...below], message)
      const report: Report = (below, message, at) =>
        problems.push(file.problem([...path, 'given', ...below], message, at))
      return { name: source.name, expect: source.expect, problem, ...readGiven(source.given, report) }
    })
  })
}

type Report = (path: Path, message: string, at?: 'key') => void

function readGiven(given: TestSource['given'], report: Report): Pick<RuleTest, 'association' | 'attributes'> {
  const association: AssociationFacts = { callingAE: '', calledAE: '', source: '', sopClasses: [] }
  const attributes = new Map<string, readonly string[]>()
  for (const [key, values] of Object.entries(given)) {
    const setFact = Object.hasOwn(facts, key) ? facts[key] : undefined
    if (setFact) setFact(association, values, (path, message) => report([key, ...path], message))
    else addAttribute(attributes, key, values, report)
  }
  if (association.sopClasses.length === 0) {
    return { association: { ...association, sopClasses: attributes.get(sopClassUid) ?? [] }, attributes }
  }
  return { association, attributes: association.sopClasses.some(mayStore) ? attributes : 'never' }
}

/** How the facts of an association are given; every other key is an attribute of the dataset. */
const facts: Readonly<
  Record<string, (association: AssociationFacts, values: readonly string[], report: Report) => void>
> = {
  callingAE: (association, [title = '', ...others], report) => {
    if (others.length > 0) report([], 'an association has one')
    association.callingAE = title.trim()
  },
  calledAE: (association, [title = '', ...others], report) => {
    if (others.length > 0) report([], 'an association has one')
    association.calledAE = title.trim()
  },
  source: (association, [address = '', ...others], report) => {
    if (others.length > 0) report([], 'an association has one')
    else if (isIP(address) === 0) report([], `"${address}" is no address, such as 10.1.2.3 or 2001:db8::1`)
    association.source = address
  },
  sopClass: (association, values, report) => {
    association.sopClasses = values.map((value, index) => {
      const uid = sopClassByName(value)
      if (uid === undefined)
        report([index], `unknown SOP class "${value}": use its UID, or its name in PS3.6`)
      return uid ?? value
    })
  },
}

export const factNames: readonly string[] = Object.keys(facts)

function addAttribute(
  attributes: Map<string, readonly string[]>,
  key: string,
  values: readonly string[],
  report: Report,
): void {
  try {
    attributes.set(
      identity(parseTagPath(key)),
      values.filter(value => value !== ''),
    )
  } catch (error) {
    if (!(error instanceof TagPathError)) throw error
    const [fact] = closest(key, Object.keys(facts))
    const message = fact === undefined ? error.message : `"${key}" is no fact; did you mean ${fact}?`
    report([key], message, 'key')
  }
}

/** The same for all ways to write a path. */
function identity({ steps }: TagPath): string {
  return JSON.stringify(steps)
}

const sopClassUid = identity(parseTagPath('SOPClassUID'))

export function runTest(test: RuleTest, ruleSet: RuleSet): TestResult {
  const { attributes } = test
  const dataset: DatasetFacts =
    attributes === 'never'
      ? 'never'
      : ruleSet.paths.map((path): Lookup => {
          const values = attributes.get(identity(path))
          return values === undefined ? { state: 'absent' } : { state: 'present', values: [...values] }
        })
  return { test, dataset, problems: differences(test, verdict(ruleSet, test.association, dataset)) }
}

function differences({ expect, problem }: RuleTest, actual: Verdict): RuleProblem[] {
  const { stick, ...plain } = expect
  const wrong = Object.entries(plain).flatMap(([key, expected]) => {
    const got = actual[key as keyof typeof plain]
    if (expected === undefined || got === expected) return []
    return problem(['expect', key], `expected ${key} ${expected}, ${instead(key, got, actual)}`)
  })
  // a log may hold this, so it tells no values
  if (stick && stick.join('\\') !== (actual.stick ?? []).join('\\')) {
    wrong.push(problem(['expect', 'stick'], 'expected to stick to another value'))
  }
  return wrong
}

function instead(key: string, got: string | undefined, { rule, route, reject }: Verdict): string {
  const by = rule === undefined || key === 'rule' ? '' : ` (rule ${JSON.stringify(rule)})`
  if (got !== undefined) return `got ${got}${by}`
  return reject === undefined ? `got route ${route}${by}` : `got reject ${reject}${by}`
}
