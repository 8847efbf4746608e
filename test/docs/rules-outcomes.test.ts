import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { rejectReasons } from '../../agent/dicom/index.ts'
import { rulesOf } from '../routing/support.ts'

const text = readFileSync(new URL('../../docs/rules-outcomes.md', import.meta.url), 'utf8')
const blocks = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, block = '']) => block)

describe('docs/rules-outcomes.md', () => {
  test('has examples', () => assert.ok(blocks.length >= 7))
  for (const [index, block] of blocks.entries()) {
    test(`has a rule file that is right in example ${index + 1}`, () => {
      assert.ok(rulesOf({ 'rules.yaml': block }).rules.length > 0)
    })
  }

  test('knows every reason to reject, and whether it is transient', () => {
    const told = [...text.matchAll(/^\| `([\w-]+)` .*\| (permanent|transient) +\|$/gm)]
    const names = { 1: 'permanent', 2: 'transient' }
    assert.deepEqual(
      Object.fromEntries(told.map(([, reason, result]) => [reason, result])),
      Object.fromEntries(
        Object.entries(rejectReasons).map(([reason, { result }]) => [reason, names[result]]),
      ),
    )
  })
})
