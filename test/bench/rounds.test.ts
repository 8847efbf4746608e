import assert from 'node:assert/strict'
import { test } from 'node:test'
import { interleave, quantiles, spread } from './rounds.ts'

test('every other round has the opposite order', async () => {
  const order: string[] = []
  const measured = (name: string) => async () => order.push(name)
  const results = await interleave(3, { a: measured('a'), b: measured('b') }, () => {})
  assert.equal(order.join(''), 'abbaab')
  assert.deepEqual(results, [
    { a: 1, b: 2 },
    { a: 4, b: 3 },
    { a: 5, b: 6 },
  ])
})

test('when the time is up, no round begins after the third', async () => {
  const { length } = await interleave(5, { a: async () => 'measured' }, () => {}, 0)
  assert.equal(length, 3)
})

test('median, quartiles and range of numbers in any order', () => {
  const { median, quartiles, range } = spread([5, 1, 4, 2, 3])
  assert.deepEqual({ median, quartiles, range }, { median: 3, quartiles: [2, 4], range: [1, 5] })
  assert.equal(spread([1, 2]).median, 1.5)
})

test('a quantile is a number that so many of them are not above, or a part of the way to the next', () => {
  const at = quantiles(Array.from({ length: 1001 }, (_, index) => 1000 - index))
  assert.deepEqual([0, 0.5, 0.99, 0.999, 1].map(at), [0, 500, 990, 999, 1000])
  assert.equal(quantiles([1, 2])(0.25), 1.25)
})

test('95 % of the medians of the same distribution lie in the confidence interval', () => {
  const { confidence } = spread(Array.from({ length: 101 }, (_, index) => index))
  // the order statistics 41 and 61 of 101: the binomial distribution has 95.4 % between them
  assert.deepEqual(confidence.map(Math.round), [40, 60])
})
