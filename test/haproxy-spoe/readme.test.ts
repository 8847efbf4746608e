import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { DEFAULT_LIMITS, Status } from '../../agent/haproxy-spoe/index.ts'

const library = new URL('../../agent/haproxy-spoe/', import.meta.url)
const readme = await readFile(new URL('README.md', library), 'utf8')

test('every error code is documented, and no other', async () => {
  const source = await readFile(new URL('errors.ts', library), 'utf8')
  const codes = (text: string) => [...new Set(text.match(/\bSPO[EP]_[A-Z_]+\b/g))].sort()
  assert.deepEqual(codes(readme), codes(source))
})

test('every status code is documented', () => {
  const list = readme.slice(readme.indexOf('Status codes'))
  for (const code of Object.values(Status)) assert.match(list, new RegExp(`\\b${code} [a-z]`, 'i'))
})

test('every limit is documented with its default', () => {
  for (const [name, value] of Object.entries(DEFAULT_LIMITS)) {
    assert.match(readme, new RegExp(`\\| \`${name}\`[\\w ]* \\| ${value}\\b`))
  }
})
