import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { choosePool } from '../../agent/routing/choose-pool.ts'
import { association } from './support.ts'

const patients = Array.from({ length: 1000 }, (_, index) => `PATIENT-${index}`)

const weighted = (shares: Record<string, number>) => ({
  pools: Object.keys(shares),
  weights: Object.values(shares),
})

/** Where each patient goes. */
const ways = (shares: Record<string, number>) =>
  patients.map(patient => choosePool(weighted(shares), [patient], association()))

function count(chosen: readonly string[], pool: string): number {
  return chosen.filter(way => way === pool).length
}

/** Three standard deviations of a thousand fair draws. */
const tolerance = (share: number) => 3 * Math.sqrt(1000 * share * (1 - share))

describe('by weight', () => {
  const table: [shares: Record<string, number>][] = [
    [{ new: 5, old: 95 }],
    [{ a: 1, b: 1 }],
    [{ a: 1, b: 2, c: 3, d: 4 }],
    [{ a: 4294967295, b: 1 }],
  ]
  for (const [shares] of table) {
    test(`a thousand patients are shared out as ${JSON.stringify(shares)}`, () => {
      const chosen = ways(shares)
      const sum = Object.values(shares).reduce((a, b) => a + b)
      for (const [pool, weight] of Object.entries(shares)) {
        const share = weight / sum
        const off = Math.abs(count(chosen, pool) - 1000 * share)
        assert.ok(off <= tolerance(share) + 1, `${pool}: ${count(chosen, pool)}`)
      }
    })
  }

  test('a thousand associations that stick to nothing are, too', () => {
    const route = weighted({ new: 20, old: 80 })
    const chosen = patients.map(id => choosePool(route, [], association({ id })))
    assert.ok(Math.abs(count(chosen, 'new') - 200) <= tolerance(0.2))
  })

  test('the same key always goes the same way, whatever the order of the pools, the association, what is live', () => {
    const facts = fc.record({
      id: fc.string(),
      callingAE: fc.string(),
      live: fc.option(fc.subarray(['a', 'b', 'c'])),
    })
    const key = fc.array(fc.string(), { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(key, facts, facts, (key, one, other) => {
        const known = (facts: typeof one) => association({ ...facts, live: facts.live ?? undefined })
        assert.equal(
          choosePool(weighted({ a: 1, b: 2, c: 3 }), key, known(one)),
          choosePool(weighted({ c: 3, a: 1, b: 2 }), key, known(other)),
        )
      }),
    )
  })

  test('what counts is the share: all weights may be a multiple', () => {
    assert.deepEqual(ways({ new: 5, old: 95 }), ways({ new: 1, old: 19 }))
  })

  test('a canary that grows keeps its patients', () => {
    const before = ways({ new: 5, old: 95 })
    const after = ways({ new: 20, old: 80 })
    assert.ok(count(after, 'new') > count(before, 'new'))
    for (const [index, way] of before.entries()) if (way === 'new') assert.equal(after[index], 'new')
  })

  test('a pool that is added draws patients to itself, and moves no other', () => {
    const before = ways({ a: 1, b: 1 })
    const after = ways({ a: 1, b: 1, c: 1 })
    assert.ok(count(after, 'c') > 0)
    for (const [index, way] of after.entries()) if (way !== 'c') assert.equal(way, before[index])
  })

  test('keys of several texts are not mixed up', () => {
    const route = weighted(Object.fromEntries(patients.map(pool => [pool, 1])))
    const key = (...texts: string[]) => choosePool(route, texts, association())
    assert.notEqual(key('a', 'b'), key('ab'))
    assert.notEqual(key('a\\', 'b'), key('a', '\\b'))
    assert.notEqual(key('a', ''), key('', 'a'))
  })
})
