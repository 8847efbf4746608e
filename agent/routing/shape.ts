import type { z } from 'zod'
import type { RuleProblem } from './errors.ts'
import type { Path, SourceFile } from './source-file.ts'

/** `value`, which stands at `path`, as `schema` has it; undefined where it is not so, and `problems` says why. */
export function shaped<T>(
  schema: z.ZodType<T>,
  value: unknown,
  path: Path,
  file: SourceFile,
  problems: RuleProblem[],
): T | undefined {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  for (const issue of parsed.error.issues) {
    const place = [...path, ...issue.path]
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        problems.push(file.problem([...place, key], `unknown key "${key}": ${issue.message}`, 'key'))
      }
    } else {
      const wantsText = issue.code === 'invalid_type' && issue.expected === 'string'
      const misread = wantsText ? file.misread(place) : undefined
      problems.push(file.problem(place, misread ?? `${nameOf(place)} ${issue.message}`))
    }
  }
  return undefined
}

function nameOf(path: Path): string {
  if (path.length === 2 && path[0] === 'rules') return 'the rule'
  return String(path.findLast(step => typeof step === 'string') ?? 'the file')
}
