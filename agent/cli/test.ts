import type { RuleProblem } from '../routing/errors.ts'
import { explain } from '../routing/explain.ts'
import { type Rules, readRules } from '../routing/load.ts'
import type { TestResult } from '../routing/tests.ts'
import { type Command, counted, defaultFolder, jsonOption, onlyFolder } from './command.ts'
import { linesOf } from './explanation.ts'
import { paint } from './paint.ts'
import { printProblems } from './problems.ts'

export const test: Command = {
  name: 'test',
  summary: 'the tests that stand beside the rules',
  usage: '[--json] [FOLDER]',
  help: `Runs the \`tests:\` of the rule files in FOLDER (${defaultFolder}). An agent does not load rules whose own tests fail.

  --json  for programs`,
  options: jsonOption,
  run: (positionals, { json }) => {
    const rules = readRules(onlyFolder(positionals))
    const failed = rules.tests.filter(({ problems }) => problems.length > 0)
    if (json) console.log(JSON.stringify(told(rules.tests), undefined, 2))
    else print(rules, failed.length)
    return failed.length > 0 ? 1 : 0
  },
}

interface Told {
  passed: number
  failed: number
  tests: readonly { name: string; file: string; line: number; problems: readonly RuleProblem[] }[]
}

function told(results: readonly TestResult[]): Told {
  const tests = results.map(({ test, problems }) => {
    const { file, line } = test.problem([], '')
    return { name: test.name, file, line, problems }
  })
  const passed = tests.filter(({ problems }) => problems.length === 0).length
  return { passed, failed: tests.length - passed, tests }
}

function print({ ruleSet, tests }: Rules, failed: number): void {
  for (const { test, association, dataset, problems } of tests) {
    console.log(
      problems.length === 0 ? `${paint('green', '✔')} ${test.name}` : `${paint('red', '✖')} ${test.name}`,
    )
    if (problems.length === 0) continue
    printProblems(problems)
    console.log(linesOf(explain(ruleSet, association, dataset)).join('\n'))
  }
  console.log(`${counted(tests.length - failed, 'test')} passed, ${failed} failed`)
}
