import { z } from 'zod'

// The shape of a rule file. What the names in it mean is checked when the rules are compiled. Messages go on from the
// name of the place: `when` and 'must be a map'. Pools and rules have schemas of their own, so that what is wrong with
// one does not hide what is wrong with the next.

/** One condition: a value, a list of which one must match, or operators, all of which must hold. */
export type ConditionSource = string | string[] | OperatorsSource

export interface OperatorsSource {
  is?: string | string[] | undefined
  matches?: string | string[] | undefined
  contains?: string | string[] | undefined
  startsWith?: string | string[] | undefined
  gte?: number | string | undefined
  lte?: number | string | undefined
  gt?: number | string | undefined
  lt?: number | string | undefined
  exists?: boolean | undefined
  not?: ConditionSource | undefined
  ignoreCase?: boolean | undefined
}

export type Weekday = (typeof weekdays)[number]

export interface TimeSource {
  days?: Weekday[] | undefined
  from?: string | undefined
  to?: string | undefined
  zone: string
}

/** Conditions by what they look at, and combinations of others: all must hold. */
export interface WhenSource {
  all?: WhenSource[] | undefined
  any?: WhenSource[] | undefined
  not?: WhenSource | undefined
  time?: TimeSource | undefined
  [subject: string]: ConditionSource | WhenSource | WhenSource[] | TimeSource | undefined
}

/** The keys of `when` that hold others. */
export const combinations: readonly string[] = ['all', 'any', 'not']

/** What a condition looks at: its own key, or those of what it combines. */
export function subjectsIn(key: string, condition: unknown): string[] {
  if (!combinations.includes(key)) return [key]
  return [condition]
    .flat()
    .flatMap(when => Object.entries(Object(when)).flatMap(([below, value]) => subjectsIn(below, value)))
}

export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const

type Mistake = { code?: string | undefined; input?: unknown }

const mustBe = (what: string) => ({
  error: ({ input }: Mistake): string => {
    if (input === undefined) return 'is missing'
    return input === null ? 'has no value: give it one, or leave it out' : `must be ${what}`
  },
})

/** A map that has the keys of `shape` and no others. */
function map<Shape extends z.ZodRawShape>(what: string, shape: Shape, or = '') {
  const keys = Object.keys(shape).join(', ')
  const noMap = mustBe(`${or}a map`)
  return z.strictObject(shape, {
    error: (mistake: Mistake) =>
      mistake.code === 'unrecognized_keys' ? `${what} has ${keys}` : noMap.error(mistake),
  })
}

const text = z
  .string(mustBe('text'))
  .min(1, 'is empty')
  .regex(/^\P{Cc}*$/u, 'holds a control character')
export const backend = text.regex(
  /^[\w.:-]*$/,
  'is no backend of HAProxy: use letters, digits and - _ . : only',
)
const trueOrFalse = z.boolean(mustBe('true or false'))
const nonEmpty = <T extends z.ZodType>(item: T, what = 'a list') =>
  z.array(item, mustBe(what)).min(1, 'is an empty list: fill it, or leave it out')

const value = z.string(mustBe('text'))
const someText = z.string(mustBe('text')).min(1, 'is empty: it would always match')
const textOrTexts = <T extends z.ZodType>(item: T) =>
  z.union([item, nonEmpty(item)], mustBe('text or a list of texts'))
const bound = z.union([z.number(), value], mustBe('a number or text'))

const textual = ['is', 'matches', 'contains', 'startsWith'] as const

/** What a value must be: see `ConditionSource`. */
const condition: z.ZodType<ConditionSource> = z.lazy(() =>
  z.union(
    [value, nonEmpty(value), operators],
    mustBe('text, a list of texts, or a map such as { not: … } or { gte: … }'),
  ),
)
const operators = map('a condition', {
  is: textOrTexts(value).optional(),
  matches: textOrTexts(someText).optional(),
  contains: textOrTexts(someText).optional(),
  startsWith: textOrTexts(someText).optional(),
  gte: bound.optional(),
  lte: bound.optional(),
  gt: bound.optional(),
  lt: bound.optional(),
  exists: trueOrFalse.optional(),
  not: condition.optional(),
  ignoreCase: trueOrFalse.optional(),
})
  .refine(
    ({ ignoreCase, ...rest }) =>
      ignoreCase === undefined || [...textual, 'not' as const].some(key => rest[key] !== undefined),
    { message: `goes with ${textual.join(', ')} or not, which compare text`, path: ['ignoreCase'] },
  )
  .refine(written => Object.keys(written).length > 0, {
    message: 'has an empty map: it would always hold',
    // an unknown key is told already
    when: ({ issues }) => issues.length === 0,
  })

const clock = z
  .string(mustBe('a time in quotes, such as "07:30"'))
  .regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'must be a time from "00:00" to "24:00"')
const time = map('a time', {
  days: nonEmpty(z.enum(weekdays, mustBe(`one of ${weekdays.join(', ')}`))).optional(),
  from: clock.refine(text => text !== '24:00', 'must be before "24:00"').optional(),
  to: clock.optional(),
  zone: text,
})

/** What `when` holds, and what is combined within it. */
const whenWith = (inner: () => z.ZodType<WhenSource>): z.ZodType<WhenSource> =>
  z.lazy(() =>
    map('', {
      all: nonEmpty(inner(), 'a list of maps').optional(),
      any: nonEmpty(inner(), 'a list of maps').optional(),
      not: inner().optional(),
      time: time.optional(),
    }).catchall(condition),
  )
const when = whenWith(() => innerWhen)
const innerWhen = when.refine(
  conditions => Object.keys(conditions).length > 0,
  'has an empty map: it would always hold',
)
const partOfWhen = whenWith(() => partOfWhen)

const mixedValues = ['refuse', 'follow', 'instance'] as const
export const mixedSource = z.enum(mixedValues, mustBe(`one of ${mixedValues.join(', ')}`))

const poolList = z.array(backend).min(1, 'is an empty list: name a pool')
const weight = z.uint32(mustBe('a weight: a whole number, or 0 for none'))
const weights = z
  .record(z.string(), weight)
  .refine(shares => Object.values(shares).some(share => share > 0), 'gives no pool a weight above 0')
const routeSource = z.union(
  [backend, poolList, weights],
  mustBe('a pool, a list of pools, or a map of pools and their weights'),
)

const rejectSource = z.union(
  [text, map('a rejection', { reason: text, transient: z.boolean(mustBe('true or false')).optional() })],
  mustBe('a reason, or a map'),
)

const stickSource = z.union(
  [text, z.array(text).min(1, 'is an empty list: name an attribute, or leave it out')],
  mustBe('text or a list of texts'),
)

/** `refuse`, or a pool. */
export const undecidedSource = backend.refine(
  pool => pool !== 'reject',
  'takes refuse, or a pool: write refuse',
)

const outcome = {
  route: routeSource.optional(),
  reject: rejectSource.optional(),
  stick: stickSource.optional(),
  mixed: mixedSource.optional(),
}
type Outcome = { [key in keyof typeof outcome]?: unknown }

/** There is one of route and reject, and with reject nothing that goes with route. */
function hasOne({ route, reject, ...withRoute }: Outcome, context: z.RefinementCtx): void {
  if ((route === undefined) === (reject === undefined)) {
    context.addIssue('needs either route: <pool> or reject: <reason>')
  }
  if (reject === undefined) return
  for (const key of ['stick', 'mixed'] as const) {
    if (withRoute[key] === undefined) continue
    context.addIssue({ code: 'custom', message: 'goes with route, not with reject', path: [key] })
  }
}

const rule = map('a rule', {
  name: text,
  description: z.string(mustBe('text')).optional(),
  enabled: trueOrFalse.default(true),
  when: when.default({}),
  ...outcome,
})
export const ruleSource = rule.superRefine(hasOne)
/** What is left of a rule without the places that are wrong; '' for a name that is missing. */
export const partOfRule = rule.extend({ name: text.default(''), when: partOfWhen.default({}) })

/** `default: <pool>` is short for `default: { route: <pool> }`; so is a list of pools. */
export const defaultSource = z.preprocess(
  written => (typeof written === 'object' && !Array.isArray(written) ? written : { route: written }),
  map('a default', outcome, 'a pool or ').superRefine(hasOne),
)

const accepted = z.array(text, mustBe('a list')).min(1, 'is an empty list: nothing could ever be sent')
export const poolSource = map('a pool', {
  calledAE: text.optional(),
  callingAE: text.optional(),
  transferSyntaxes: accepted.optional(),
  sopClasses: accepted.optional(),
  maxPduLength: z.uint32('must be a whole number of bytes, or 0 for any').optional(),
})

const oneOrMore = z.preprocess(written => (Array.isArray(written) ? written : [written]), z.array(value))
const paths = ['direct', 'delayed'] as const

/** What the rules are expected to do with an association and its first dataset. */
const expectation = map('expect', {
  rule: text.optional(),
  route: text.optional(),
  reject: text.optional(),
  path: z.enum(paths, mustBe(`one of ${paths.join(', ')}`)).optional(),
  mixed: mixedSource.optional(),
  stick: oneOrMore.optional(),
})
const given = z.record(z.string(), oneOrMore, mustBe('a map')).default({})
export const testSource = map('a test', {
  name: text,
  given,
  expect: expectation.refine(expected => Object.keys(expected).length > 0, {
    message: 'is empty: say what is expected',
    // an unknown key is told already
    when: ({ issues }) => issues.length === 0,
  }),
})

/** What is left of a test without the places that are wrong. */
export const partOfTest = testSource.extend({ name: text.default(''), expect: expectation.default({}) })

export const ruleFile = map('a rule file', {
  pools: z.record(z.string(), z.unknown(), mustBe('a map')).default({}),
  rules: z.array(z.unknown(), mustBe('a list')).default([]),
  default: z.unknown().optional(),
  mixed: z.unknown().optional(),
  undecided: z.unknown().optional(),
  tests: z.array(z.unknown(), mustBe('a list')).default([]),
})

export type RuleFile = z.infer<typeof ruleFile>
export type RuleSource = z.infer<typeof ruleSource>
export type OutcomeSource = z.infer<typeof defaultSource>
export type TestSource = z.infer<typeof testSource>
export type PoolSource = z.infer<typeof poolSource>
