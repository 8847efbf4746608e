import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compile } from './compile.ts'
import { type RuleProblem, RulesInvalid } from './errors.ts'
import type { RuleSet } from './rule-set.ts'
import { parseSourceFile } from './source-file.ts'

/**
 * Reads every *.yaml file of `folder`, in the order of their names, as one rule set. Throws RulesInvalid with all
 * that is wrong, and the file system's own error where the folder cannot be read.
 */
export function loadRules(folder: string): RuleSet {
  const names = readdirSync(folder)
    .filter(name => /\.ya?ml$/.test(name) && !name.startsWith('.'))
    .sort()
  const problems: RuleProblem[] = []
  if (names.length === 0) {
    problems.push({
      file: folder,
      line: 1,
      column: 1,
      message: 'no rule files here: add one that ends in .yaml',
    })
  }
  const files = names.flatMap(name => {
    const file = join(folder, name)
    return parseSourceFile(file, readFileSync(file, 'utf8'), problems) ?? []
  })
  const ruleSet = compile(files, problems)
  if (problems.length > 0) throw new RulesInvalid(problems.sort(byPlace))
  return ruleSet
}

function byPlace(a: RuleProblem, b: RuleProblem): number {
  return a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column
}
