import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compile } from './compile.ts'
import { byPlace, type RuleProblem, RulesInvalid } from './errors.ts'
import type { RuleSet } from './rule-set.ts'
import { parseSourceFile, type SourceFile } from './source-file.ts'
import { readTests, runTest, type TestResult } from './tests.ts'

/** The rule files as they are written, what is compiled of them, and what came of their own tests. */
export interface Rules {
  files: readonly SourceFile[]
  ruleSet: RuleSet
  tests: readonly TestResult[]
}

/**
 * The rules of a folder for use: as `readRules` reads them, and none of their own tests fails. Throws RulesInvalid with
 * all that is wrong, and the file system's own error where the folder cannot be read.
 */
export function loadRules(folder: string): RuleSet {
  const { ruleSet, tests } = readRules(folder)
  const failures = tests.flatMap(({ problems }) => problems)
  if (failures.length > 0) throw new RulesInvalid(failures.sort(byPlace))
  return ruleSet
}

/** Reads every *.yaml and *.yml file of `folder`, in the order of their names, as one rule set. Throws as `loadRules`. */
export function readRules(folder: string): Rules {
  const names = readdirSync(folder)
    .filter(name => /\.ya?ml$/.test(name) && !name.startsWith('.'))
    .sort()
  const problems: RuleProblem[] = []
  if (names.length === 0) problems.push(atStart(folder, 'no rule files here: add one that ends in .yaml'))
  const files = names.flatMap(name => {
    const file = join(folder, name)
    const text = readText(file, problems)
    return (text !== undefined && parseSourceFile(file, text, problems)) || []
  })
  const ruleSet = compile(files, problems)
  const tests = readTests(files, problems)
  if (problems.length > 0) throw new RulesInvalid(problems.sort(byPlace))
  return { files, ruleSet, tests: tests.map(test => runTest(test, ruleSet)) }
}

/** Without the byte order mark that some editors put in front. */
function readText(file: string, problems: RuleProblem[]): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file))
  } catch (error) {
    const reason = error instanceof TypeError ? 'is not UTF-8: save it as UTF-8' : `cannot be read: ${error}`
    problems.push(atStart(file, reason))
    return undefined
  }
}

function atStart(file: string, message: string): RuleProblem {
  return { file, line: 1, column: 1, message }
}
