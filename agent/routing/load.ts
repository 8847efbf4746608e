import { join } from 'node:path'
import { compile } from './compile.ts'
import { type RuleProblem, RulesInvalid } from './errors.ts'
import { type RuleFiles, readRuleFilesSync } from './files.ts'
import type { RuleSet } from './rule-set.ts'
import { parseSourceFile } from './source-file.ts'

/**
 * Reads every *.yaml and *.yml file of `folder`, in the order of their names, as one rule set. Throws RulesInvalid
 * with all that is wrong, and the file system's own error where the folder cannot be read.
 */
export function loadRules(folder: string): RuleSet {
  return buildRules(readRuleFilesSync(folder))
}

/** The one way from files to rules that may serve, at start, at every reload and in the tools. Throws as `loadRules`. */
export function buildRules({ folder, files }: RuleFiles): RuleSet {
  if (files instanceof Error) throw files
  const problems: RuleProblem[] = []
  if (files.length === 0) problems.push(atStart(folder, 'no rule files here: add one that ends in .yaml'))
  const sources = files.flatMap(({ name, content }) => {
    const file = join(folder, name)
    const text = decode(file, content, problems)
    return (text !== undefined && parseSourceFile(file, text, problems)) || []
  })
  const ruleSet = compile(sources, problems)
  if (problems.length > 0) throw new RulesInvalid(problems.sort(byPlace))
  return ruleSet
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

function byPlace(a: RuleProblem, b: RuleProblem): number {
  return a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column
}
