import { join } from 'node:path'
import { formatProblem, type RuleProblem, RulesInvalid } from './errors.ts'
import type { RuleFiles } from './files.ts'

/** A problem as a line of text, and the place that it is at, where there is something to see. */
export interface ShownProblem {
  text: string
  excerpt?: string | undefined
}

/** All that is wrong with these files. What an alias repeats is said once. */
export function showProblems(error: unknown, { folder, files }: RuleFiles): ShownProblem[] {
  if (!(error instanceof RulesInvalid)) {
    const message = error instanceof Error ? error.message : String(error)
    return message.split('\n').map(text => ({ text }))
  }
  const lines = new Map<string, string[]>()
  for (const { name, content } of files instanceof Error ? [] : files) {
    if (!(content instanceof Error)) lines.set(join(folder, name), linesOf(content.toString()))
  }
  const shown = new Map<string, ShownProblem>()
  for (const problem of error.problems) {
    const text = formatProblem(problem)
    shown.set(text, { text, excerpt: excerptOf(problem, lines.get(problem.file) ?? []) })
  }
  return [...shown.values()]
}

/** The line of a problem, with a caret under the place. */
export function excerptOf(
  { line, column }: RuleProblem,
  lines: readonly string[],
  caret = '^',
): string | undefined {
  const text = lines[line - 1]
  if (text === undefined || text.trim() === '') return undefined
  const number = String(line).padStart(5)
  const indent = text.slice(0, column - 1).replace(/[^\t]/g, ' ')
  return `${number} | ${text}\n${' '.repeat(number.length)} | ${indent}${caret}`
}

/** Without the byte order mark that some editors put in front. */
export function linesOf(text: string): string[] {
  return text.replace(/^\uFEFF/, '').split(/\r?\n/)
}
