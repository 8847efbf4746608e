import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { lint } from '../../agent/routing/lint.ts'
import { writtenRules } from '../../agent/routing/written.ts'
import { readRulesOf } from '../routing/support.ts'

const page = readFileSync(new URL('../../docs/cookbook.md', import.meta.url), 'utf8')
const cases = page.split(/^## /m).slice(1)

describe('docs/cookbook.md', () => {
  test('has ten cases', () => assert.equal(cases.length, 10))

  for (const section of cases) {
    const [, heading = '', content = ''] = section.match(/^(.*?)\n.*?^```yaml\n(.*?)^```$/ms) ?? []
    test(`${heading}: does what its tests say, and check warns of nothing`, () => {
      const { files, ruleSet, tests } = readRulesOf({ 'rules.yaml': content })
      assert.deepEqual(
        tests.flatMap(({ problems }) => problems),
        [],
      )
      const tested = new Set(tests.map(({ test }) => test.expect.rule ?? test.expect.route))
      assert.ok(tests.length >= 3 && tested.size > 1)
      const asked = ruleSet.paths.map(({ text }) => text)
      assert.deepEqual(lint(writtenRules(files), asked).warnings, [])
    })
  }
})
