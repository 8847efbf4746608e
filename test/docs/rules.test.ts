import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
import { rejectReasons } from '../../agent/dicom/index.ts'
import { decideOn, type Given, holds } from '../routing/given.ts'
import { problemsOf, rulesOf } from '../routing/support.ts'

// The examples of docs/rules.md. What a block is, its first line says. `yaml file` is a rule file with tests of its own;
// of the others, a second one behind it says what comes of it:
//
//   yaml rules      a rule file         yaml decisions  given facts and tags: the rule that decides, or that waits
//   yaml when       one rule's `when`   yaml cases      given facts and tags, by whether it holds
//   yaml refused    a bad rule file     text            all that is said about it

interface Block {
  heading: string
  kind: string
  content: string
}

type Decision = { given: Given; rule?: string; waits?: string }
type Cases = Partial<Record<'holds' | 'fails' | 'unknown', Given[]>>

const checks: Readonly<Record<string, { by: string; check: (example: string, expected: string) => void }>> = {
  'yaml rules': {
    by: 'yaml decisions',
    check: (example, expected) => {
      const ruleSet = rulesOf({ 'rules.yaml': example })
      for (const { given, rule, waits } of parse(expected) as Decision[]) {
        const decision = decideOn(ruleSet, given)
        const said = decision.kind === 'none' ? undefined : decision.rule
        assert.equal(decision.kind === 'unknown' ? `waits: ${said}` : said, rule ?? `waits: ${waits}`)
      }
    },
  },
  'yaml when': {
    by: 'yaml cases',
    check: (example, expected) => {
      for (const [truth, cases] of Object.entries(parse(expected) as Cases)) {
        for (const given of cases) assert.equal(holds(parse(example), given), truth, JSON.stringify(given))
      }
    },
  },
  'yaml refused': {
    by: 'text',
    check: (example, expected) =>
      assert.deepEqual(problemsOf({ 'rules.yaml': example }), expected.trimEnd().split('\n')),
  },
}

function blocksOf(markdown: string): Block[] {
  let heading = ''
  return [...markdown.matchAll(/^#+ (.*)$|^```(.+)\n([\s\S]*?)^```$/gm)].flatMap(
    ([, title, kind, content]) => {
      if (title !== undefined && kind === undefined) heading = title
      return kind === undefined ? [] : [{ heading, kind, content: content ?? '' }]
    },
  )
}

describe('docs/rules.md', () => {
  const page = readFileSync(new URL('../../docs/rules.md', import.meta.url), 'utf8')
  const blocks = blocksOf(page)
  const isFile = ({ kind }: Block) => kind === 'yaml file'
  for (const [index, { heading, content }] of blocks.filter(isFile).entries()) {
    test(`${heading}: file ${index + 1}`, () => {
      assert.deepEqual(problemsOf({ 'rules.yaml': content }), [])
      assert.ok(parse(content).tests.length > 0)
    })
  }

  const pairs = blocks.filter(block => !isFile(block))
  for (let index = 0; index < pairs.length; index += 2) {
    const [example, expected] = pairs.slice(index, index + 2)
    test(`${example?.heading}: example ${index / 2 + 1}`, () => {
      const { by, check } = checks[example?.kind ?? ''] ?? {}
      assert.ok(example && expected && check, `a block of no known kind: ${example?.kind}`)
      assert.equal(expected.kind, by)
      check(example.content, expected.content)
    })
  }

  test('knows every reason to reject, and whether it is transient', () => {
    const told = [...page.matchAll(/^\| `([\w-]+)` .*\| (permanent|transient) +\|$/gm)]
    const names = { 1: 'permanent', 2: 'transient' }
    assert.deepEqual(
      Object.fromEntries(told.map(([, reason, result]) => [reason, result])),
      Object.fromEntries(
        Object.entries(rejectReasons).map(([reason, { result }]) => [reason, names[result]]),
      ),
    )
  })
})
