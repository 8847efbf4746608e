import { readFileSync } from 'node:fs'
import { formatProblem, placeOf, type RuleProblem, subjectOf } from '../routing/errors.ts'
import { paint } from './paint.ts'

/** Each with its line of the file, and a caret under the place. What an alias repeats is said once. */
export function printProblems(problems: readonly RuleProblem[], severity?: 'warning'): void {
  const lines = new Map<string, string[]>()
  const said = new Set<string>()
  for (const problem of problems) {
    const text = formatProblem(problem)
    if (said.has(text)) continue
    said.add(text)
    const mark = severity === undefined ? '' : `${paint('yellow', severity)}: `
    const place = paint('bold', placeOf(problem))
    console.log(
      `${place}: ${mark}${subjectOf(problem)}${paint(severity ? 'yellow' : 'red', problem.message)}`,
    )
    const excerpt = excerptOf(problem, lines)
    if (excerpt !== undefined) console.log(excerpt)
  }
}

function excerptOf({ file, line, column }: RuleProblem, lines: Map<string, string[]>): string | undefined {
  if (!lines.has(file)) lines.set(file, linesOf(file))
  const text = lines.get(file)?.[line - 1]
  if (text === undefined || text.trim() === '') return undefined
  const number = String(line).padStart(5)
  const indent = text.slice(0, column - 1).replace(/[^\t]/g, ' ')
  return `${number} | ${text}\n${' '.repeat(number.length)} | ${indent}${paint('red', '^')}`
}

/** None of what is no file, such as a folder without rules. */
function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8')
      .replace(/^\uFEFF/, '')
      .split(/\r?\n/)
  } catch {
    return []
  }
}
