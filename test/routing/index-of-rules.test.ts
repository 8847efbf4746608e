import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type AssociationFacts, type DatasetFacts, decide } from '../../agent/routing/index.ts'
import { indexed } from '../../agent/routing/index-of-rules.ts'
import type { RuleSet } from '../../agent/routing/rule-set.ts'
import { every } from '../../agent/routing/truth.ts'
import { association, compiled, lookups } from './support.ts'

// Random rule sets of more rules than one word of bits holds, and random knowledge over the same words.

const attributes = ['Modality', 'PatientName', 'ImageType', 'SliceThickness', 'StudyDate']
const words = ['A', 'a', 'B', 'AB', 'A=B', 'ü', 'u\u0308', 'BAAB', '1', '20240131']

const text = fc.constantFrom(...words, 'A*', '?', '*', '*B', '*AA*', '?A*b', 'ü?', '*ü', '😀?', '?😀', '20*')
const texts = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...words) },
  fc.array(text, { minLength: 1, maxLength: 3 }),
)
const parts = fc.oneof(fc.constantFrom('A', 'AB', 'b', 'u\u0308', '😀'), fc.constant(['BA', 'a']))
const condition = fc.oneof(
  { weight: 4, arbitrary: texts },
  fc.record({ is: texts, not: texts }),
  fc.record({ is: texts, startsWith: fc.constantFrom('A', 'B') }),
  fc.record(
    {
      contains: parts,
      startsWith: parts,
      matches: fc.constantFrom('^a', 'B$', 'A|ü'),
      ignoreCase: fc.boolean(),
    },
    { requiredKeys: ['contains'] },
  ),
  fc.record({ startsWith: parts, not: texts }),
  fc.record({ is: texts, ignoreCase: fc.boolean() }),
  fc.record({ not: texts }),
  fc.record({ exists: fc.boolean() }),
)
const subjects = ['Modality', 'PatientName', 'ImageType', 'callingAE', 'implementation']
const ofSubjects = fc.dictionary(fc.constantFrom(...subjects), condition, {
  minKeys: 1,
  maxKeys: 3,
  noNullPrototype: true,
})
const range = <Bound>(...bounds: Bound[]) => fc.record({ gte: fc.constantFrom(...bounds) })
const networks = ['10.0.0.0/8', '10.1.2.3', '::/0', '0.0.0.0/0', '2001:db8::/32', '::ffff:10.1.0.0/112']
const sopClass = fc.oneof(
  fc.constantFrom('CT Image Storage', '1.2.840.10008.5.1.4.1.1.*'),
  fc.record({ contains: fc.constantFrom('CT', '1.1.4', 'Image'), ignoreCase: fc.boolean() }),
)
const ofOthers = fc.record(
  {
    SliceThickness: range(0, 1, 2),
    StudyDate: range('2024', '2024-02', '1999'),
    source: fc.subarray(networks, { minLength: 1 }),
    sopClass,
  },
  { requiredKeys: [] },
)
const flat = fc
  .tuple(ofSubjects, fc.option(ofOthers, { freq: 2 }))
  .map(([some, others]): Record<string, unknown> => ({ ...some, ...others }))
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

const values = fc.array(fc.constantFrom(...words, 'C', '', '😀A', 'üb', `${'B'.repeat(300)}A`), {
  maxLength: 2,
})
const known = fc.dictionary(fc.constantFrom(...attributes), values, { noNullPrototype: true })
const facts = fc.record({
  callingAE: fc.constantFrom('A', 'a', 'AB', 'BAAB', 'C'),
  implementation: values,
  source: fc.constantFrom('10.1.2.3', '::ffff:10.9.9.9', '2001:db8::1', '2001:db9::1', '::1', ''),
  sopClasses: fc.subarray(['1.2.840.10008.5.1.4.1.1.2', '1.2.840.10008.5.1.4.1.1.4', '1.2.3']),
})

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
  const open = (callingAE: string) =>
    [...ruleSet.open(association({ callingAE }), 'never')].map(({ rule }) => rule.name)
  assert.deepEqual(open('SCU_7'), ['7', 'default'])
  assert.deepEqual(open('u\u0308_7'), ['57', 'default'])
  assert.deepEqual(open('Scu'), ['default'])
})

const needed: Record<
  string,
  [when: (place: number) => Record<string, unknown>, facts: Partial<AssociationFacts>]
> = {
  globs: [place => ({ callingAE: [`?_${place}_*`, `*X${place}X*`] }), { callingAE: 'A_7_B' }],
  'beginnings of texts': [
    place => ({ callingAE: { startsWith: `a_${place}_`, ignoreCase: true } }),
    { callingAE: 'A_7_B' },
  ],
  'parts of names': [
    place => ({ sopClass: { contains: [`${place}.${place}.`, 'Comprehensive'] } }),
    { sopClasses: ['1.7.7.1'] },
  ],
  networks: [place => ({ source: `10.${place}.0.0/16` }), { source: '::ffff:10.7.1.1' }],
}
for (const [what, [when, facts]] of Object.entries(needed)) {
  test(`rules that need other ${what} are not even tested`, () => {
    const all = Array.from({ length: 100 }, (_, place) => ({
      name: `${place}`,
      when: when(place),
      route: 'p',
    }))
    const { rules } = compiled({ rules: all, default: 'd' })
    const tested: string[] = []
    const watched = rules.map(rule => ({
      ...rule,
      conditions: rule.conditions.map(condition => ({
        ...condition,
        test: (...known: Parameters<typeof condition.test>) => {
          tested.push(rule.name)
          return condition.test(...known)
        },
      })),
    }))
    const open = [...indexed(watched)(association(facts), 'never')].map(({ rule }) => rule.name)
    assert.deepEqual([open, tested], [['7', 'default'], ['7']])
  })
}

test('rules that need another value are struck out, however many there are', () => {
  const rules = Array.from({ length: 100 }, (_, index) => ({
    name: `${index}`,
    when: { callingAE: `SCU_${index % 50}`, Modality: [`M${index}`, 'CT'] },
    route: 'p',
  }))
  const ruleSet = compiled({ rules, default: 'd' })
  const open = (modality: string) =>
    [
      ...ruleSet.open(
        association({ callingAE: 'SCU_7' }),
        lookups(ruleSet, { Modality: modality }, modality === '' ? ['Modality'] : []),
      ),
    ].map(({ rule, truth }) => `${rule.name}${truth === true ? '' : ' waits'}`)
  assert.deepEqual(open('M57'), ['57', 'default'])
  assert.deepEqual(open('CT'), ['7', '57', 'default'])
  assert.deepEqual(open('MR'), ['default'])
  assert.deepEqual(open(''), ['7 waits', '57 waits', 'default'])
  const never = [...ruleSet.open(association({ callingAE: 'SCU_7' }), 'never')]
  assert.deepEqual(
    never.map(({ rule }) => rule.name),
    ['default'],
  )
})
