import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { regularExpression } from '../../agent/routing/conditions/regular-expression.ts'

describe('regular expressions', () => {
  // on V8's own engine, all of them take longer than anybody waits
  const hostile: [expression: string, value: string][] = [
    ['^(a+)+$', `${'a'.repeat(10000)}!`],
    ['^(a|aa)+$', `${'a'.repeat(10000)}!`],
    ['^(.*a){20}$', `${'a'.repeat(10000)}!`],
    ['(x+x+)+y$', 'x'.repeat(10000)],
    ['(a.{20}){20}[^a-z]$', 'ab'.repeat(5000)],
    ['a.{490}x$', 'ab'.repeat(5000)],
  ]
  for (const [expression, value] of hostile) {
    test(`${expression} does not stall the agent`, () => {
      const matches = regularExpression(expression, false)
      assert.ok(typeof matches === 'function')
      const before = process.cpuUsage()
      assert.equal(matches(value), false)
      const { user } = process.cpuUsage(before)
      assert.ok(user < 1_000_000, `${user} µs`)
    })
  }

  test('do not match values that are longer than any LT', () => {
    const matches = regularExpression('a', false)
    assert.ok(typeof matches === 'function')
    assert.ok(matches('a'.repeat(10240)))
    assert.ok(!matches('a'.repeat(10241)))
  })
})
