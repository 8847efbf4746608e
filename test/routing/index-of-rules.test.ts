import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type AssociationFacts, type DatasetFacts, decide } from '../../agent/routing/index.ts'
import type { RuleSet } from '../../agent/routing/rule-set.ts'
import { every } from '../../agent/routing/truth.ts'
import { association, compiled, lookups } from './support.ts'

// Random rule sets of more rules than one word of bits holds, and random knowledge over the same words.

const attributes = ['Modality', 'PatientName', 'ImageType']
const words = ['A', 'a', 'B', 'AB', 'A=B', 'ü', 'u\u0308']

const text = fc.constantFrom(...words, 'A*', '?')
const texts = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...words) },
  fc.array(text, { minLength: 1, maxLength: 3 }),
)
const condition = fc.oneof(
  { weight: 4, arbitrary: texts },
  fc.record({ is: texts, not: texts }),
  fc.record({ is: texts, startsWith: fc.constantFrom('A', 'B') }),
  fc.record({ is: texts, ignoreCase: fc.boolean() }),
  fc.record({ not: texts }),
  fc.record({ exists: fc.boolean() }),
)
const flat = fc.dictionary(fc.constantFrom(...attributes, 'callingAE', 'implementation'), condition, {
  minKeys: 1,
  maxKeys: 3,
  noNullPrototype: true,
})
const when = fc.oneof(
  { weight: 4, arbitrary: flat },
  fc.tuple(flat, flat).map(([own, inner]) => ({ ...own, all: [inner] })),
  fc.tuple(flat, flat).map(([own, inner]) => ({ ...own, any: [inner, own] })),
  flat.map(inner => ({ not: inner })),
)
const outcome = fc.oneof(
  { weight: 5, arbitrary: fc.record({ route: fc.constantFrom('p', 'q', 'r', 's') }) },
  fc.constant({ reject: 'no-reason-given' }),
)
const rules = fc
  .array(fc.tuple(when, outcome), { maxLength: 80 })
  .map(all => all.map(([when, outcome], index) => ({ name: `${index}`, when, ...outcome })))

const values = fc.array(fc.constantFrom(...words, 'C', ''), { maxLength: 2 })
const known = fc.dictionary(fc.constantFrom(...attributes), values, { noNullPrototype: true })
const facts = fc.record({ callingAE: fc.constantFrom(...words, 'C'), implementation: values })

/** What decides if every rule is tested in turn, and the pools that are named up to the first true one. */
function inTurn(ruleSet: RuleSet, facts: AssociationFacts, dataset: DatasetFacts) {
  const tested = ruleSet.rules.map(({ name, conditions, outcome }) => ({
    name,
    truth: every(conditions, ({ test }) => test(facts, dataset)),
    pools: 'route' in outcome ? outcome.route.pools : [],
  }))
  const open = tested.filter(({ truth }) => truth !== false)
  const possible = open.slice(0, open.findIndex(({ truth }) => truth === true) + 1)
  return {
    rule: open[0]?.name,
    unknown: open[0]?.truth === 'unknown',
    pools: new Set(possible.flatMap(({ pools }) => pools)),
  }
}

test('decisions by the index are those of testing every rule in turn', () => {
  const seen = new Map<string, number>()
  fc.assert(
    fc.property(rules, facts, known, fc.subarray(attributes), (rules, facts, known, unknown) => {
      const ruleSet = compiled({ rules, default: 'd' })
      const dataset = lookups(ruleSet, known, unknown)
      const decision = decide(ruleSet, association(facts), dataset)
      const expected = inTurn(ruleSet, association(facts), dataset)
      assert.ok(decision.kind !== 'none')
      assert.equal(decision.rule, expected.rule)
      assert.equal(decision.kind === 'unknown', expected.unknown)
      if (decision.kind === 'unknown') assert.deepEqual(new Set(decision.pools), expected.pools)

      const what = decision.rule === 'default' ? 'default' : decision.kind
      seen.set(what, (seen.get(what) ?? 0) + 1)
    }),
    { numRuns: 1000 },
  )
  for (const kind of ['route', 'reject', 'unknown', 'default'])
    assert.ok((seen.get(kind) ?? 0) > 20, `few ${kind}`)
})

test('rules that need another value are struck out where capitals do not matter, too', () => {
  const rules = Array.from({ length: 100 }, (_, index) => ({
    name: `${index}`,
    when: { callingAE: { is: `${index < 50 ? 'scu' : 'Ü'}_${index % 50}`, ignoreCase: true } },
    route: 'p',
  }))
  const ruleSet = compiled({ rules, default: 'd' })
  const candidates = (callingAE: string) =>
    [...ruleSet.candidates(association({ callingAE }), 'never')].map(({ rule }) => rule.name)
  assert.deepEqual(candidates('SCU_7'), ['7', 'default'])
  assert.deepEqual(candidates('u\u0308_7'), ['57', 'default'])
  assert.deepEqual(candidates('Scu'), ['default'])
})

test('rules that need another value are struck out, however many there are', () => {
  const rules = Array.from({ length: 100 }, (_, index) => ({
    name: `${index}`,
    when: { callingAE: `SCU_${index % 50}`, Modality: [`M${index}`, 'CT'] },
    route: 'p',
  }))
  const ruleSet = compiled({ rules, default: 'd' })
  const candidates = (modality: string) =>
    [
      ...ruleSet.candidates(
        association({ callingAE: 'SCU_7' }),
        lookups(ruleSet, { Modality: modality }, modality === '' ? ['Modality'] : []),
      ),
    ].map(({ rule, mayBeTrue }) => `${rule.name}${mayBeTrue ? '' : ' waits'}`)
  assert.deepEqual(candidates('M57'), ['57', 'default'])
  assert.deepEqual(candidates('CT'), ['7', '57', 'default'])
  assert.deepEqual(candidates('MR'), ['default'])
  assert.deepEqual(candidates(''), ['7 waits', '57 waits', 'default'])
  const never = [...ruleSet.candidates(association({ callingAE: 'SCU_7' }), 'never')]
  assert.deepEqual(
    never.map(({ rule }) => rule.name),
    ['default'],
  )
})
