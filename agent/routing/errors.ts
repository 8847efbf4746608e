/** One thing that is wrong in a rule file, and where. */
export interface RuleProblem {
  file: string
  line: number
  column: number
  /** the name of the rule, where the place is inside one */
  rule?: string | undefined
  /** the name of the test, where it is inside one */
  test?: string | undefined
  message: string
}

/** Says what is wrong at a path below the one at hand; at its key instead of its value where `at` says so. */
export type Report = (path: readonly (string | number)[], message: string, at?: 'key') => void

/** The rule files cannot be used; `problems` is all that is wrong with them, in the order of the files. */
export class RulesInvalid extends Error {
  readonly code = 'RULES_INVALID'
  readonly problems: readonly RuleProblem[]

  constructor(problems: readonly RuleProblem[]) {
    // what an alias repeats is said once
    super([...new Set(problems.map(formatProblem))].join('\n'))
    this.name = 'RulesInvalid'
    this.problems = problems
  }
}

export function formatProblem(problem: RuleProblem): string {
  return `${placeOf(problem)}: ${subjectOf(problem)}${problem.message}`
}

export function placeOf({ file, line, column }: RuleProblem): string {
  return `${file}:${line}:${column}`
}

/** The rule or test that a problem is about, as a problem begins. */
export function subjectOf({ rule, test }: RuleProblem): string {
  if (rule !== undefined) return `rule ${JSON.stringify(rule)}: `
  return test === undefined ? '' : `test ${JSON.stringify(test)}: `
}

export function byPlace(a: RuleProblem, b: RuleProblem): number {
  return a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column
}
