import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Decision, decide, decideAfterHead, type RuleSet } from '../../agent/routing/index.ts'
import { association, lookups, rulesOf } from './support.ts'

// Random rule files over few words, so that conditions often hold, and random facts over the same words.

const attributes = ['Modality', 'BodyPartExamined', 'PatientID', 'InstitutionName']
const titles = ['A', 'B', 'AB']
const words = ['X', 'Y', 'XY']

interface RuleFile {
  rules: { name: string; when: Record<string, string[]>; route?: string; reject?: string; stick?: string }[]
  default?: string
}

/** The values of every attribute; of an absent one undefined. */
type Values = Record<string, string[] | undefined>

const conditions = fc.dictionary(
  fc.constantFrom(...attributes, 'callingAE'),
  fc.array(fc.constantFrom('A', '?', 'X', 'X*', '*', 'Y', '*Y'), { minLength: 1, maxLength: 2 }),
  { maxKeys: 3, noNullPrototype: true },
)
const outcome = fc.oneof(
  { weight: 3, arbitrary: fc.record({ route: fc.constantFrom('p', 'q', 'r') }) },
  fc.record({ route: fc.constantFrom('p', 'q', 'r'), stick: fc.constantFrom('PatientID', 'callingAE') }),
  fc.record({ reject: fc.constantFrom('no-reason-given', 'temporary-congestion') }),
)
const ruleFile: fc.Arbitrary<RuleFile> = fc.record(
  {
    rules: fc
      .array(fc.tuple(conditions, outcome), { minLength: 1, maxLength: 6 })
      .map(rules => rules.map(([when, outcome], index) => ({ name: `rule ${index}`, when, ...outcome }))),
    default: fc.constant('d'),
  },
  { requiredKeys: ['rules'] },
)
const possible = [undefined, [], ...words.map(word => [word]), ['Y', 'X']]
const values: fc.Arbitrary<Values> = fc.record(
  Object.fromEntries(attributes.map(name => [name, fc.constantFrom(...possible)])),
)
const some = fc.subarray(attributes, { maxLength: 3 })
const title = fc.constantFrom(...titles)

const compiled = (file: RuleFile) => rulesOf({ 'r.yaml': JSON.stringify(file) })

function decideOn(
  ruleSet: RuleSet,
  callingAE: string,
  known: Values,
  unknown: readonly string[] = [],
): Decision {
  const present = Object.entries(known).filter((entry): entry is [string, string[]] => entry[1] !== undefined)
  return decide(ruleSet, association({ callingAE }), lookups(ruleSet, Object.fromEntries(present), unknown))
}

/** The rules in two-valued logic, from the source. */
function reference({ rules, default: pool }: RuleFile, callingAE: string, known: Values): Decision {
  const matches = (pattern: string, value: string) =>
    new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(value)
  const valuesOf = (key: string) => (key === 'callingAE' ? [callingAE] : (known[key] ?? []))
  const rule = rules.find(({ when }) =>
    Object.entries(when).every(([key, patterns]) =>
      valuesOf(key).some(value => patterns.some(pattern => matches(pattern, value))),
    ),
  )
  if (!rule)
    return pool === undefined
      ? { kind: 'none' }
      : { kind: 'route', rule: 'default', pool, pools: [pool], stick: [], mixed: 'refuse' }
  const { name, route = '', reject, stick } = rule
  if (reject !== undefined) return { kind: 'reject', rule: name, reason: reject as 'no-reason-given' }
  const stuckTo = stick === undefined ? '' : valuesOf(stick).join('\\')
  const pools = [route]
  return { kind: 'route', rule: name, pool: route, pools, stick: stuckTo ? [stuckTo] : [], mixed: 'refuse' }
}

function* completions(known: Values, unknown: readonly string[]): Generator<Values> {
  const [first, ...rest] = unknown
  if (first === undefined) yield known
  else for (const value of possible) yield* completions({ ...known, [first]: value }, rest)
}

describe('decisions on random rules and facts', () => {
  const seen = new Map<string, number>()
  const count = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1)

  test('are those of two-valued logic where all is known', () => {
    fc.assert(
      fc.property(ruleFile, title, values, (file, callingAE, known) => {
        assert.deepEqual(decideOn(compiled(file), callingAE, known), reference(file, callingAE, known))
      }),
      { numRuns: 1000 },
    )
  })

  test('never change once they are made, and stay within the pools that were named before', () => {
    fc.assert(
      fc.property(ruleFile, title, values, some, (file, callingAE, known, unknown) => {
        const ruleSet = compiled(file)
        const early = decideOn(ruleSet, callingAE, known, unknown)
        count(early.kind)
        for (const completion of completions(known, unknown)) {
          const final = decideOn(ruleSet, callingAE, completion)
          assert.notEqual(final.kind, 'unknown')
          if (early.kind !== 'unknown') assert.deepEqual(final, early)
          else if (final.kind === 'route')
            assert.ok(early.pools.includes(final.pool), `${final.pool} was not named`)
        }
      }),
      { numRuns: 1000 },
    )
    for (const kind of ['route', 'reject', 'none', 'unknown'])
      assert.ok((seen.get(kind) ?? 0) > 5, `few ${kind}`)
  })

  test('name no pool that their rules cannot reach', () => {
    // of independent attributes only: each rule asks for one of its own
    fc.assert(
      fc.property(fc.array(outcome, { maxLength: attributes.length }), outcomes => {
        const rules = outcomes.map((outcome, index) => ({
          name: `rule ${index}`,
          when: { [attributes[index] ?? '']: ['X'] },
          ...outcome,
        }))
        const ruleSet = compiled({ rules, default: 'd' })
        const early = decideOn(ruleSet, 'A', {}, attributes)
        const reached = new Set<string>()
        for (const completion of completions({}, attributes.slice(0, outcomes.length))) {
          const final = decideOn(ruleSet, 'A', completion)
          if (final.kind === 'route') reached.add(final.pool)
        }
        if (early.kind === 'unknown') assert.deepEqual(new Set(early.pools), reached)
      }),
      { numRuns: 50 },
    )
  })

  test('stay within the pools that were named before, also of lists, by weights and where the undecided go', () => {
    const forms = fc.array(fc.constantFrom(...['one', 'list', 'weights']), { minLength: 6, maxLength: 6 })
    const live = fc.option(fc.subarray(['p', 'q', 'r', 's', 'd']), { nil: undefined })
    fc.assert(
      fc.property(ruleFile, forms, live, values, some, (file, forms, live, known, unknown) => {
        const rules = file.rules.map(({ route, ...rule }, index) => {
          if (route === undefined) return rule
          const form = { one: route, list: [route, 's'], weights: { [route]: 1, s: 2, never: 0 } }
          return { ...rule, route: form[forms[index] as keyof typeof form] }
        })
        const ruleSet = rulesOf({ 'r.yaml': JSON.stringify({ ...file, rules, undecided: 'u' }) })
        const facts = association({ callingAE: 'A', live })
        const present = (values: Values) =>
          Object.fromEntries(Object.entries(values).flatMap(([key, value]) => (value ? [[key, value]] : [])))
        const decideWith = (values: Values, unknown: readonly string[]) =>
          decideAfterHead(ruleSet, facts, lookups(ruleSet, present(values), unknown))

        const early = decide(ruleSet, facts, lookups(ruleSet, present(known), unknown))
        if (early.kind !== 'unknown') return assert.deepEqual(decideWith(known, unknown), early)
        const undecided = decideWith(known, unknown)
        assert.ok(undecided.kind === 'route' && undecided.pool === 'u' && early.pools.includes('u'))
        assert.ok(!early.pools.includes('never'))
        for (const completion of completions(known, unknown)) {
          const final = decideWith(completion, [])
          assert.notEqual(final.kind, 'unknown')
          if (final.kind !== 'route') continue
          assert.ok(final.pools.includes(final.pool))
          for (const pool of final.pools) assert.ok(early.pools.includes(pool), `${pool} was not named`)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('do not depend on the order of keys within when', () => {
    const backwards = (when: Record<string, string[]>) => Object.fromEntries(Object.entries(when).reverse())
    fc.assert(
      fc.property(ruleFile, title, values, some, (file, callingAE, known, unknown) => {
        const turned = { ...file, rules: file.rules.map(rule => ({ ...rule, when: backwards(rule.when) })) }
        assert.deepEqual(
          decideOn(compiled(turned), callingAE, known, unknown),
          decideOn(compiled(file), callingAE, known, unknown),
        )
      }),
      { numRuns: 500 },
    )
  })

  test('do not depend on how rules are spread over files, nor on the order in which these were written', () => {
    fc.assert(
      fc.property(
        fc.tuple(ruleFile, title, values, some),
        fc.array(fc.nat(3), { minLength: 6, maxLength: 6 }),
        fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
        fc.nat(3),
        ([file, callingAE, known, unknown], spread, written, other) => {
          const { rules, ...rest } = file
          const places = rules.map((_, index) => spread[index] ?? 0).sort()
          const parts = written.map(place => {
            const here = rules.filter((_, index) => places[index] === place)
            return [`${place}.yaml`, JSON.stringify({ rules: here, ...(place === other && rest) })]
          })
          assert.deepEqual(
            decideOn(rulesOf(Object.fromEntries(parts)), callingAE, known, unknown),
            decideOn(compiled(file), callingAE, known, unknown),
          )
        },
      ),
      { numRuns: 300 },
    )
  })

  test('take a dataset that is not there yet, or not looked at, for all unknown, and one that never comes for all absent', () => {
    fc.assert(
      fc.property(ruleFile, title, (file, callingAE) => {
        const ruleSet = compiled(file)
        const facts = association({ callingAE })
        assert.deepEqual(decide(ruleSet, facts, 'not yet'), decideOn(ruleSet, callingAE, {}, attributes))
        assert.deepEqual(decide(ruleSet, facts, []), decideOn(ruleSet, callingAE, {}, attributes))
        assert.deepEqual(decide(ruleSet, facts, 'never'), decideOn(ruleSet, callingAE, {}))
      }),
      { numRuns: 300 },
    )
  })
})
