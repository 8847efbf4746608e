import type { core, z } from 'zod'
import { allKeywords, closest } from '../dicom/index.ts'
import type { RuleProblem } from './errors.ts'
import { factNames } from './given.ts'
import { combinations } from './schema.ts'
import type { Path, SourceFile } from './source-file.ts'

/**
 * `value`, which stands at `path`, as `schema` has it. Where it is not so, `problems` says why, and the result is what is
 * left without the places that are wrong, so that the rest can be looked at, too; undefined if that is not even as
 * `partSchema` has it.
 */
export function shaped<T>(
  schema: z.ZodType<T>,
  value: unknown,
  path: Path,
  file: SourceFile,
  problems: RuleProblem[],
  partSchema = schema,
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
  return partSchema.safeParse(wrong.reduce(without, value)).data
}

/** The keys below which each key stands for itself; of any other, all goes that it holds: a condition, a route. */
const independent = ['when', 'all', 'any', 'not', 'given', 'expect']

/** A map but for what stands at `path`; a list whose places stay the same. Undefined if nothing is left. */
function without(value: unknown, [key, ...inner]: Path): unknown {
  if (key === undefined) return value
  if (typeof value !== 'object' || value === null) return undefined
  const { [key]: there, ...others } = value as Record<PropertyKey, unknown>
  const goesOn = inner.length > 0 && (Array.isArray(value) || independent.includes(String(key)))
  const left = goesOn ? without(there, inner) : undefined
  if (Array.isArray(value)) return value.map((item, index) => (index === key ? (left ?? {}) : item))
  return left === undefined ? others : { ...others, [key]: left }
}

function isCondition(key: string): boolean {
  const [beginning = ''] = key.split('.')
  return /^\(/.test(key) || [...factNames, ...combinations, ...allKeywords()].includes(beginning)
}

/** What other languages call the operators. */
const operatorsMeant: ReadonlyMap<string, string> = new Map(
  Object.entries({
    is: 'equals equal eq = == in oneOf value values',
    not: 'ne neq != <> notEquals notEqual notIn nin',
    matches: 'regex regexp pattern match ~ =~',
    contains: 'includes substring has',
    startsWith: 'prefix beginsWith startswith starts_with',
    gte: '>= ge min from',
    gt: '> greaterThan after',
    lte: '<= le max to',
    lt: '< lessThan before',
    exists: 'present isPresent',
  }).flatMap(([operator, others]) => others.split(' ').map(other => [other, operator] as const)),
)

/** `has` ends with the keys that there are. */
function unknownKey(key: string, has: string): string {
  if (has.startsWith('a rule has') && isCondition(key)) return `${key} is a condition: indent it below when`
  const instead = has.startsWith('a condition has') ? operatorsMeant.get(key) : undefined
  if (instead !== undefined) return `unknown key "${key}": write ${instead}`
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
