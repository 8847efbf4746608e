import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { anyOf, matchesGlob } from '../../agent/routing/pattern.ts'

/** The same by regular expression: right, and exponential. */
function reference(patterns: readonly string[], value: string): boolean {
  return patterns.some(pattern => {
    const expression = pattern
      .normalize('NFC')
      .replace(/[\\^$.|+()[\]{}/]/g, '\\$&')
      .replaceAll('*', '[^]*')
      .replaceAll('?', '[^]')
    return new RegExp(`^${expression}$`, 'u').test(value.normalize('NFC'))
  })
}

const text = (...characters: string[]) =>
  fc.array(fc.constantFrom(...characters), { maxLength: 8 }).map(parts => parts.join(''))
const value = text('a', 'b', '.', '\\', '[', '\n', 'ü', 'u\u0308', '\u{1F600}', '*', '?', '^')
const pattern = text('a', 'b', '.', '\\', '[', '\n', 'ü', 'u\u0308', '\u{1F600}', '*', '*', '?', '^')

describe('patterns', () => {
  test('match what a regular expression would', () => {
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 3 }), value, (patterns, value) => {
        assert.equal(anyOf(patterns)(value), reference(patterns, value))
      }),
      { numRuns: 5000 },
    )
  })

  test('match the values that they were made of', () => {
    const part = fc.constantFrom(
      { of: '*', value: '' },
      { of: '*', value: 'ab' },
      { of: '?', value: 'b' },
      { of: 'a', value: 'a' },
    )
    fc.assert(
      fc.property(fc.array(part), parts => {
        const value = parts.map(({ value }) => value).join('')
        assert.ok(anyOf([parts.map(({ of }) => of).join('')])(value))
      }),
    )
  })

  test('take at most pattern × value steps, however hostile both are', () => {
    const hostile: [pattern: string, value: string][] = [
      ['*a'.repeat(50), 'a'.repeat(500)],
      [`${'*a'.repeat(50)}b`, 'a'.repeat(500)],
      [`${'*'.repeat(100)}b`, 'a'.repeat(500)],
      [`${'*?'.repeat(50)}b`, 'a'.repeat(500)],
      [`*${'a'.repeat(99)}b`, 'a'.repeat(500)],
      [`*${'ab'.repeat(40)}c*${'ab'.repeat(40)}d`, 'ab'.repeat(250)],
    ]
    for (const [pattern, value] of hostile) {
      let steps = 0
      const characters = new Proxy(Array.from(value), {
        get(target, name, receiver) {
          if (name !== 'length') steps++
          return Reflect.get(target, name, receiver)
        },
      })
      assert.equal(matchesGlob(Array.from(pattern), characters), pattern.endsWith('a'))
      assert.ok(steps <= pattern.length * value.length, `${steps} steps for ${pattern}`)
    }
  })
})
