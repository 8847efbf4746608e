import type { Report, RuleProblem } from './errors.ts'
import type { AssociationFacts, DatasetFacts } from './facts.ts'
import { exampleMoment, type Given, lookUpGiven, readGiven } from './given.ts'
import type { RuleSet } from './rule-set.ts'
import { partOfTest, type TestSource, testSource } from './schema.ts'
import { shaped } from './shape.ts'
import type { Slices } from './slices.ts'
import type { Path, SourceFile } from './source-file.ts'
import { type Verdict, verdict } from './verdict.ts'

/** A test of the rules that stands in a rule file: given facts and attributes, and what is expected then. */
export interface RuleTest {
  name: string
  given: Given
  expect: TestSource['expect']
  problem(path: Path, message: string): RuleProblem
}

export interface TestResult {
  test: RuleTest
  association: AssociationFacts
  dataset: DatasetFacts
  problems: readonly RuleProblem[]
}

/** The tests of the rule files; what is wrong with how they are written goes to `problems`. */
export function* readTests(files: readonly SourceFile[], problems: RuleProblem[]): Slices<RuleTest[]> {
  const found: RuleTest[] = []
  for (const file of files) {
    const { tests } = Object(file.data)
    if (!Array.isArray(tests)) continue
    for (const [index, written] of tests.entries()) {
      // no YAML
      if (written === undefined) continue
      yield
      const path = ['tests', index]
      const source = shaped(testSource, written, path, file, problems, partOfTest)
      if (!source) continue
      const { name, expect } = source
      const problem: RuleTest['problem'] = (below, message) => file.problem([...path, ...below], message)
      const report: Report = (below, message, at) =>
        problems.push(file.problem([...path, 'given', ...below], message, at))
      found.push({ name, expect, problem, given: readGiven(source.given, report) })
    }
  }
  return found
}

export function runTest(test: RuleTest, ruleSet: RuleSet): TestResult {
  const { given, problem } = test
  let asksForTime = false
  const association: AssociationFacts = {
    ...given.association,
    get at() {
      asksForTime = true
      return given.association.at ?? 0
    },
  }
  const dataset = lookUpGiven(given, ruleSet)
  const actual = verdict(ruleSet, association, dataset)
  const problems = differences(test, actual)
  // else it would pass or fail by the hour
  if (asksForTime && given.association.at === undefined) {
    problems.push(problem(['given'], `depends on the time: give one, as in time: ${exampleMoment}`))
  }
  return { test, association, dataset, problems }
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
