import type { Lookup } from '../../dicom/index.ts'
import type { Report } from '../errors.ts'
import { exactly, type Fold, ignoringCase, type Matcher, type Needs, needing } from '../pattern.ts'
import type { ConditionSource, OperatorsSource } from '../schema.ts'
import { every, negate, type Truth } from '../truth.ts'
import { numbers } from './order.ts'
import { regularExpression } from './regular-expression.ts'
import type { Subject } from './subjects.ts'

/** What a condition says of a subject of which this is known. */
interface LookupTest {
  (found: Lookup): Truth
  /** it is false of what is known and has no such value */
  readonly needs?: Needs | undefined
}

/** A value, a list of which one must be there, or a map of operators, all of which must hold. */
export function compileTest(
  subject: Subject,
  source: ConditionSource,
  report: Report,
  ignoreCase = false,
): LookupTest {
  if (typeof source === 'string' || Array.isArray(source)) {
    return anyValue([subject.is([source].flat(), ignoreCase ? ignoringCase : exactly, report)])
  }
  const caseless = source.ignoreCase ?? ignoreCase
  const tests: LookupTest[] = []
  // of one value, so that a range is one
  const matchers = [...matchersOf(subject, source, caseless, report)]
  if (matchers.length > 0) tests.push(anyValue(matchers))
  if (source.exists !== undefined) tests.push(exists(source.exists))
  if (source.not !== undefined) {
    const inner = compileTest(subject, source.not, below(report, 'not'), caseless)
    tests.push(found => negate(inner(found)))
  }
  const [only] = tests
  if (only && tests.length === 1) return only
  const { needs } = tests.find(test => test.needs) ?? {}
  return Object.assign((found: Lookup) => every(tests, test => test(found)), { needs })
}

function anyValue(matchers: readonly Matcher[]): LookupTest {
  const { needs } = matchers.find(matches => matches.needs) ?? {}
  const [only] = matchers
  const matches: Matcher =
    only && matchers.length === 1 ? only : value => matchers.every(matches => matches(value))
  const test = (found: Lookup) => {
    if (found.state === 'unknown') return 'unknown'
    return found.state === 'present' && found.values.some(matches)
  }
  return Object.assign(test, { needs })
}

/** What is sent empty says as little as what is not sent. */
function exists(wanted: boolean): LookupTest {
  return found => {
    if (found.state === 'unknown') return 'unknown'
    return (found.state === 'present' && found.values.some(value => value !== '')) === wanted
  }
}

function below(report: Report, key: string): Report {
  return (path, message, at) => report([key, ...path], message, at)
}

function* matchersOf(
  subject: Subject,
  source: OperatorsSource,
  ignoreCase: boolean,
  report: Report,
): Generator<Matcher> {
  const fold = ignoreCase ? ignoringCase : exactly
  if (source.is !== undefined) yield subject.is([source.is].flat(), fold, below(report, 'is'))
  for (const [operator, matcher] of Object.entries(textOperators)) {
    const written = source[operator as TextOperator]
    if (written === undefined) continue
    const { texts } = subject
    if (!texts) {
      report(
        [operator],
        `${operator} goes with text: compare ${subject.key} by value, or with is, not and exists`,
        'key',
      )
      continue
    }
    const matchers = [written].flat().flatMap((text, index) => {
      const made = matcher(text, fold, ignoreCase)
      if (typeof made !== 'string') return made
      report([operator, index], `"${text}" ${made}`)
      return []
    })
    const parts = operator === 'matches' ? undefined : [written].flat().map(fold)
    yield Object.assign(
      (value: string) => texts(value).some(text => matchers.some(matches => matches(text))),
      { needs: parts && needing(fold, [], parts, texts) },
    )
  }
  const compares = new Map<string, (value: string) => number>()
  for (const [operator, holds] of Object.entries(orderOperators)) {
    const bound = source[operator as OrderOperator]
    if (bound === undefined) continue
    const compare = comparer(subject, operator, bound, report)
    if (!compare) continue
    compares.set(operator, compare)
    yield value => holds(compare(value))
  }
  for (const upper of ['lt', 'lte'] as const) {
    for (const lower of ['gt', 'gte'] as const) {
      const [from, to] = [source[lower], source[upper]].map(bound => bound?.toString().trim())
      const difference = from !== undefined && compares.has(lower) ? compares.get(upper)?.(from) : undefined
      // what is as precise as the upper bound tells is all that counts: nothing of 2024 is before 2024
      const isOpen = upper === 'lt' || (lower === 'gt' && from === to)
      if (difference === undefined || !(difference > 0 || (difference === 0 && isOpen))) continue
      report([upper], `no value is both ${lower} ${from} and ${upper} ${to}: this can never match`, 'key')
    }
  }
}

type TextOperator = 'matches' | 'contains' | 'startsWith'

/** The matcher of one text, or what is wrong with it. */
const textOperators: Readonly<
  Record<TextOperator, (text: string, fold: Fold, ignoreCase: boolean) => Matcher | string>
> = {
  matches: (text, _, ignoreCase) => regularExpression(text, ignoreCase),
  contains: (text, fold) => {
    const part = fold(text)
    return value => fold(value).includes(part)
  },
  startsWith: (text, fold) => {
    const beginning = fold(text)
    return value => fold(value).startsWith(beginning)
  },
}

type OrderOperator = 'gte' | 'lte' | 'gt' | 'lt'

/** Of a value that cannot be compared, which is NaN, none of them holds. */
const orderOperators: Readonly<Record<OrderOperator, (difference: number) => boolean>> = {
  gte: difference => difference >= 0,
  lte: difference => difference <= 0,
  gt: difference => difference > 0,
  lt: difference => difference < 0,
}

function comparer(
  { key, order }: Subject,
  operator: string,
  bound: string | number,
  report: Report,
): ((value: string) => number) | undefined {
  if (!order) {
    report(
      [operator],
      `${operator} compares numbers, dates, times and ages, and ${key} is none of them`,
      'key',
    )
    return undefined
  }
  const { kind, example, against } = order
  if (typeof bound === 'number' && order !== numbers) {
    report([operator], `${key} takes ${kind} in quotes, such as ${example}, not the number ${bound}`)
    return undefined
  }
  const compare = against(String(bound).trim())
  if (!compare) report([operator], `"${bound}" is not ${kind}: write it like ${example}`)
  return compare
}
