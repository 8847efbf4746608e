import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compile } from './compile.ts'
import { type RuleProblem, RulesInvalid } from './errors.ts'
import type { RuleSet } from './rule-set.ts'
import { parseSourceFile } from './source-file.ts'

/**
 * Reads every *.yaml and *.yml file of `folder`, in the order of their names, as one rule set. Throws RulesInvalid
 * with all that is wrong, and the file system's own error where the folder cannot be read.
 */
export function loadRules(folder: string): RuleSet {
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
  if (problems.length > 0) throw new RulesInvalid(problems.sort(byPlace))
  return ruleSet
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

function byPlace(a: RuleProblem, b: RuleProblem): number {
  return a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column
}
