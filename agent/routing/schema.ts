import { z } from 'zod'

/** The shape of a rule file. What the names in it mean is checked when the rules are compiled. */

const text = z.string().min(1, 'is empty')
const value = z.string()
const values = z.union([value, z.array(value).min(1, 'is an empty list: it can never match')])

const rejection = z.strictObject({ reject: text })
const route = z.strictObject({ route: text })

const rule = z
  .strictObject({
    name: text,
    when: z.record(z.string(), values).default({}),
    route: text.optional(),
    reject: text.optional(),
    stick: text.optional(),
  })
  .refine(({ route, reject }) => (route === undefined) !== (reject === undefined), {
    error: 'needs either route: <pool> or reject: <reason>',
  })
  .refine(({ reject, stick }) => reject === undefined || stick === undefined, {
    error: 'has a stick, which goes with route, not with reject',
    path: ['stick'],
  })

const pool = z.strictObject({
  calledAE: text.optional(),
  transferSyntaxes: z.array(text).min(1, 'is an empty list: nothing could ever be sent').optional(),
  maxPduLength: z.int().min(0).max(0xffffffff).optional(),
})

export const ruleFile = z.strictObject({
  pools: z.record(text, pool).default({}),
  rules: z.array(rule).default([]),
  default: z.union([text, route, rejection]).optional(),
})

export type RuleFile = z.infer<typeof ruleFile>
export type RuleSource = RuleFile['rules'][number]
export type PoolSource = RuleFile['pools'][string]
