/** One thing that is wrong in a rule file, and where. */
export interface RuleProblem {
  file: string
  line: number
  column: number
  /** the name of the rule, where the place is inside one */
  rule?: string | undefined
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

function formatProblem({ file, line, column, rule, message }: RuleProblem): string {
  const subject = rule === undefined ? '' : `rule ${JSON.stringify(rule)}: `
  return `${file}:${line}:${column}: ${subject}${message}`
}
