import { readFileSync } from 'node:fs'
import { formatProblem, placeOf, type RuleProblem, subjectOf } from '../routing/errors.ts'
import { excerptOf, linesOf } from '../routing/excerpt.ts'
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
    if (!lines.has(problem.file)) lines.set(problem.file, linesIn(problem.file))
    const excerpt = excerptOf(problem, lines.get(problem.file) ?? [], paint('red', '^'))
    if (excerpt !== undefined) console.log(excerpt)
  }
}

/** None of what is no file, such as a folder without rules. */
function linesIn(file: string): string[] {
  try {
    return linesOf(readFileSync(file, 'utf8'))
  } catch {
    return []
  }
}
