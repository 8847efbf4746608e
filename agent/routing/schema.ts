import { z } from 'zod'

// The shape of a rule file. What the names in it mean is checked when the rules are compiled. Messages go on from the
// name of the place: `when` and 'must be a map'. Pools and rules have schemas of their own, so that what is wrong with
// one does not hide what is wrong with the next.

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
const value = z.string(mustBe('text or a list of texts'))
const values = z.preprocess(
  written => (Array.isArray(written) ? written : [written]),
  z.array(value).min(1, 'is an empty list: it can never match'),
)

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
export const undecidedSource = backend

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

export const ruleSource = map('a rule', {
  name: text,
  when: z.record(z.string(), values, mustBe('a map')).default({}),
  ...outcome,
}).superRefine(hasOne)

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

export const ruleFile = map('a rule file', {
  pools: z.record(z.string(), z.unknown(), mustBe('a map')).default({}),
  rules: z.array(z.unknown(), mustBe('a list')).default([]),
  default: z.unknown().optional(),
  mixed: z.unknown().optional(),
  undecided: z.unknown().optional(),
})

export type RuleFile = z.infer<typeof ruleFile>
export type RuleSource = z.infer<typeof ruleSource>
export type OutcomeSource = z.infer<typeof defaultSource>
export type PoolSource = z.infer<typeof poolSource>
