import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { decideOn, type Given } from './given.ts'
import { compiled } from './support.ts'

// Random conditions to some depth over few words, and random facts over the same words.

type Source = string | string[] | { [operator: string]: unknown }
type When = { [key: string]: unknown }
type Values = Readonly<Record<string, readonly string[]>>

const attributes = ['Modality', 'InstanceNumber']
const possible = [[], ['1'], ['12'], ['A'], ['ab'], ['A', '2'], ['Ab', '12']]

const pattern = fc.constantFrom('A', 'ab', 'A*', '?', '1', '2', '1?', '*')
const texts = fc.oneof(pattern, fc.array(pattern, { minLength: 1, maxLength: 2 }))
const part = fc.constantFrom('A', 'a', 'b', '1', '12')
const textual = {
  is: texts,
  contains: part,
  startsWith: fc.oneof(part, fc.array(part, { minLength: 1, maxLength: 2 })),
  matches: fc.constantFrom('^A', '[ab]', '\\d$', '1|b', '^\\w{2}$'),
}
const bound = fc.constantFrom(1, 2, '12', 0.5)

/** One or two of the keys of `shape`. */
const someOf = (shape: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Record<string, unknown>> =>
  fc
    .subarray(Object.keys(shape), { minLength: 1, maxLength: 2 })
    .chain(keys => fc.record(Object.fromEntries(keys.map(key => [key, shape[key] ?? fc.constant('')]))))

/** Whether something may lie between bounds; where nothing can, the rule is refused. */
const isOpen = ({ gt, gte, lt, lte }: Record<string, unknown>): boolean => {
  const [lower, upper] = [Number(gt ?? gte), Number(lt ?? lte)]
  return !(lower > upper || (lower === upper && (gt !== undefined || lt !== undefined)))
}

const source = (own: Record<string, fc.Arbitrary<unknown>>) =>
  fc.letrec<{ source: Source }>(tie => ({
    source: fc.oneof(
      { maxDepth: 2 },
      texts,
      someOf({ ...textual, ...own, exists: fc.boolean(), not: tie('source') })
        .filter(isOpen)
        .chain(written =>
          [...Object.keys(textual), 'not'].some(key => key in written)
            ? fc.boolean().map(ignoreCase => (ignoreCase ? { ignoreCase, ...written } : written))
            : fc.constant(written),
        ),
    ),
  })).source
const text = source({})
const number = source({ gte: bound, lte: bound, gt: bound, lt: bound })
const keyed = { Modality: text, InstanceNumber: number, callingAE: text }
const { when } = fc.letrec<{ when: When }>(tie => {
  const inner = fc.array(tie('when') as fc.Arbitrary<When>, { minLength: 1, maxLength: 3 })
  return {
    when: fc.oneof(
      { maxDepth: 3 },
      someOf(keyed),
      someOf({ ...keyed, all: inner, any: inner, not: tie('when') }),
      someOf({ any: inner, not: tie('when') }),
    ),
  }
})

const values: fc.Arbitrary<Values> = fc.record({
  Modality: fc.constantFrom(...possible),
  InstanceNumber: fc.constantFrom(...possible),
  callingAE: fc.constantFrom(['A'], ['ab'], ['12'], ['']),
})

/** `when` in two-valued logic, from the source. */
function reference(when: When, known: Values): boolean {
  return Object.entries(when).every(([key, written]) => {
    if (key === 'all') return (written as When[]).every(inner => reference(inner, known))
    if (key === 'any') return (written as When[]).some(inner => reference(inner, known))
    if (key === 'not') return !reference(written as When, known)
    return matches(written as Source, known[key] ?? [], '')
  })
}

function matches(written: Source, values: readonly string[], inherited: string): boolean {
  if (typeof written === 'string' || Array.isArray(written))
    return matches({ is: written }, values, inherited)
  const { exists, not, ignoreCase, ...ofValue } = written
  const flags = ignoreCase ? 'i' : inherited
  if (not !== undefined && matches(not as Source, values, flags)) return false
  if (exists !== undefined && values.some(value => value !== '') !== exists) return false
  const tests = Object.entries(ofValue)
  return tests.length === 0 || values.some(value => tests.every(test => holdsOf(test, value, flags)))
}

function holdsOf([operator, written]: [string, unknown], value: string, flags: string): boolean {
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN
  if (operator === 'gte') return number >= Number(written)
  if (operator === 'lte') return number <= Number(written)
  if (operator === 'gt') return number > Number(written)
  if (operator === 'lt') return number < Number(written)
  const expressionOf: Record<string, (text: string) => string> = {
    is: text => `^${text.replaceAll('*', '.*').replaceAll('?', '.')}$`,
    contains: text => text,
    startsWith: text => `^${text}`,
    matches: text => text,
  }
  return [written as string | string[]]
    .flat()
    .some(text => new RegExp(expressionOf[operator]?.(text) ?? '', flags).test(value))
}

function evaluate(when: When, known: Values, unknown: readonly string[] = []): boolean | 'unknown' {
  const ruleSet = compiled({ rules: [{ name: 'R', when, route: 'a' }], default: 'b' })
  const asked = ruleSet.paths.map(({ text }) => text)
  const { callingAE = [], ...rest } = known
  const tags = Object.entries(rest).filter(([name]) => asked.includes(name) && !unknown.includes(name))
  const given = {
    ...Object.fromEntries(tags),
    callingAE: callingAE[0] ?? '',
    unknown: unknown.filter(name => asked.includes(name)),
  } as Given
  const decision = decideOn(ruleSet, given)
  if (decision.kind === 'unknown') return 'unknown'
  return decision.kind === 'route' && decision.rule === 'R'
}

function* completions(known: Values, unknown: readonly string[]): Generator<Values> {
  const [first, ...rest] = unknown
  if (first === undefined) yield known
  else for (const value of possible) yield* completions({ ...known, [first]: value }, rest)
}

function backwards(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(backwards)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, backwards(inner)]),
  )
}

describe('random conditions', () => {
  test('hold where those of two-valued logic do, once all is known', () => {
    const seen = new Map<boolean | 'unknown', number>()
    fc.assert(
      fc.property(when, values, (when, known) => {
        const truth = evaluate(when, known)
        seen.set(truth, (seen.get(truth) ?? 0) + 1)
        assert.equal(truth, reference(when, known))
      }),
      { numRuns: 1500 },
    )
    for (const truth of [true, false]) assert.ok((seen.get(truth) ?? 0) > 200, `${seen.get(truth)} ${truth}`)
  })

  test('never contradict that before', () => {
    const seen = { true: 0, false: 0, unknown: 0 }
    fc.assert(
      fc.property(when, values, fc.subarray(attributes, { minLength: 1 }), (when, known, unknown) => {
        const early = evaluate(when, known, unknown)
        seen[`${early}`]++
        if (early === 'unknown') return
        for (const completion of completions(known, unknown)) assert.equal(reference(when, completion), early)
      }),
      { numRuns: 1500 },
    )
    for (const [truth, count] of Object.entries(seen)) assert.ok(count > 50, `${count} ${truth}`)
  })

  test('do not depend on the order of their keys, at any depth', () => {
    fc.assert(
      fc.property(when, values, fc.subarray(attributes), (when, known, unknown) => {
        assert.equal(evaluate(backwards(when) as When, known, unknown), evaluate(when, known, unknown))
      }),
      { numRuns: 500 },
    )
  })
})
