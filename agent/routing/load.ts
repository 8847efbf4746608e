import { join } from 'node:path'
import { compile } from './compile.ts'
import { byPlace, type RuleProblem, RulesInvalid } from './errors.ts'
import { type RuleFiles, readRuleFilesSync } from './files.ts'
import type { RuleSet } from './rule-set.ts'
import { atOnce, inSlices, type Slices } from './slices.ts'
import { parseSourceFile, type SourceFile } from './source-file.ts'
import { readTests, runTest, type TestResult } from './tests.ts'

/** The rule files as they are written, what is compiled of them, and what came of their own tests. */
export interface Rules {
  files: readonly SourceFile[]
  ruleSet: RuleSet
  tests: readonly TestResult[]
}

/** The rules of a folder for use. Throws as `buildRules`. */
export function loadRules(folder: string): RuleSet {
  return atOnce(serviceable(readRuleFilesSync(folder)))
}

/**
 * The one way from files to rules that may serve, at start and at every reload: they are as `compileRules` has them, and
 * none of their own tests fails. Others get their turn meanwhile. Rejects with RulesInvalid, which holds all that is
 * wrong, and with the file system's own error where the folder cannot be read.
 */
export function buildRules(read: RuleFiles): Promise<RuleSet> {
  return inSlices(serviceable(read))
}

/** The rules of a folder, and what came of their own tests. Throws as `buildRules`, but not for a test. */
export function readRules(folder: string): Rules {
  return atOnce(compileRules(readRuleFilesSync(folder)))
}

function* serviceable(read: RuleFiles): Slices<RuleSet> {
  const { ruleSet, tests } = yield* compileRules(read)
  const failures = tests.flatMap(({ problems }) => problems)
  if (failures.length > 0) throw new RulesInvalid(failures.sort(byPlace))
  return ruleSet
}

/** Every *.yaml and *.yml file, in the order of their names, as one rule set. */
function* compileRules({ folder, files: read }: RuleFiles): Slices<Rules> {
  if (read instanceof Error) throw read
  const problems: RuleProblem[] = []
  if (read.length === 0) problems.push(atStart(folder, 'no rule files here: add one that ends in .yaml'))
  const files: SourceFile[] = []
  for (const { name, content } of read) {
    const file = join(folder, name)
    const text = decode(file, content, problems)
    const parsed = text === undefined ? undefined : yield* parseSourceFile(file, text, problems)
    if (parsed) files.push(parsed)
  }
  const ruleSet = yield* compile(files, problems)
  // as a file that was emptied by mistake has it
  if (problems.length === 0 && ruleSet.rules.length === 0) {
    const refusal =
      'every association would be refused; if that is meant: default: { reject: no-reason-given }'
    problems.push(atStart(folder, `neither rules that are on nor a default: ${refusal}`))
  }
  const tests = yield* readTests(files, problems)
  if (problems.length > 0) throw new RulesInvalid(problems.sort(byPlace))
  const results: TestResult[] = []
  for (const test of tests) {
    results.push(runTest(test, ruleSet))
    yield
  }
  return { files, ruleSet, tests: results }
}

/** Without the byte order mark that some editors put in front. */
function decode(file: string, content: Buffer | Error, problems: RuleProblem[]): string | undefined {
  if (content instanceof Error) {
    problems.push(atStart(file, `cannot be read: ${content}`))
    return undefined
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content)
  } catch {
    problems.push(atStart(file, 'is not UTF-8: save it as UTF-8'))
    return undefined
  }
}

function atStart(file: string, message: string): RuleProblem {
  return { file, line: 1, column: 1, message }
}
