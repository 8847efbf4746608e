import type { core, z } from 'zod'
import { closest } from '../dicom/index.ts'
import type { RuleProblem } from './errors.ts'
import type { Path, SourceFile } from './source-file.ts'

/**
 * `value`, which stands at `path`, as `schema` has it. Where it is not so, `problems` says why, and the result is what is
 * left without the places that are wrong, so that the rest can be looked at, too; undefined if that is not so, either.
 */
export function shaped<T>(
  schema: z.ZodType<T>,
  value: unknown,
  path: Path,
  file: SourceFile,
  problems: RuleProblem[],
): T | undefined {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  for (const issue of parsed.error.issues.flatMap(meant)) {
    const place = [...path, ...issue.path]
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        problems.push(file.problem([...place, key], unknownKey(key, issue.message), 'key'))
      }
    } else {
      const misread = wantsText(issue) ? file.misread(place) : undefined
      problems.push(file.problem(place, misread ?? `${nameOf(place)} ${issue.message}`))
    }
  }
  const wrong = parsed.error.issues.flatMap(issue =>
    issue.code === 'unrecognized_keys' ? issue.keys.map(key => [...issue.path, key]) : [issue.path],
  )
  return schema.safeParse(wrong.reduce(without, value)).data
}

/** A map but for its key at the beginning of `path`, or but for that key's own: a condition, all of it. */
function without(value: unknown, [key, inner]: Path): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || key === undefined)
    return undefined
  const { [key]: there, ...rest } = value as Record<PropertyKey, unknown>
  const left = inner === undefined ? undefined : without(there, [inner])
  return left === undefined ? rest : { ...rest, [key]: left }
}

/** `has` ends with the keys that there are. */
function unknownKey(key: string, has: string): string {
  const [near] = closest(key, has.replace(/^.* has /, '').split(', '))
  return `unknown key "${key}": ${has}${near === undefined ? '' : `; did you mean ${near}?`}`
}

/** Where a value may have several forms: what is wrong within the one that was meant, if its form tells which. */
function meant(issue: core.$ZodIssue): core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue]
  const within = issue.errors.find(errors => !errors.some(isOtherForm))
  return within?.flatMap(inner => meant({ ...inner, path: [...issue.path, ...inner.path] })) ?? [issue]
}

function isOtherForm({ code, path }: core.$ZodIssue): boolean {
  return code === 'invalid_type' && path.length === 0
}

/** Whether a value would be right as text; not where the message tells what it must look like in quotes. */
function wantsText(issue: core.$ZodIssue): boolean {
  if (issue.message.includes('in quotes')) return false
  if (issue.code === 'invalid_union') return issue.errors.flat().some(wantsText)
  return issue.code === 'invalid_type' && issue.expected === 'string'
}

function nameOf(path: Path): string {
  if (path.length === 2 && path[0] === 'rules') return 'the rule'
  if (path.length === 2 && path[0] === 'tests') return 'the test'
  return String(path.findLast(step => typeof step === 'string') ?? 'the file')
}
