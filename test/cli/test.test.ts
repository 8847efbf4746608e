import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { z } from 'zod'
import { cli, folderOf } from './support.ts'

const rules = `rules:
  - { name: site, when: { source: 10.0.0.0/8 }, route: near }
  - { name: CT, when: { Modality: [CT, MR], BodyPartExamined: HEAD }, route: ct }
tests:
  - name: by site
    given: { source: 10.1.2.3 }
    expect: { rule: site, path: direct }
`
const failing = `${rules}  - name: heads
    given: { source: 192.0.2.1, Modality: CT, BodyPartExamined: KNEE }
    expect: { rule: CT }
`
const run = (file: string, ...args: string[]) =>
  cli(['test', ...args, 'rules'], { cwd: folderOf({ 'rules/r.yaml': file }) })

const told = z.strictObject({
  passed: z.int(),
  failed: z.int(),
  tests: z.array(
    z.strictObject({
      name: z.string(),
      file: z.string(),
      line: z.int(),
      problems: z.array(z.looseObject({ message: z.string() })),
    }),
  ),
})

describe('test', () => {
  test('runs the tests of the demo', () => {
    const { code, stdout } = cli(['test'])
    assert.equal(code, 0)
    assert.match(stdout, /^✔ CT is kept together by patient\n[\s\S]*\n4 tests passed, 0 failed\n$/)
  })

  test('tells of a test that fails why the rules decide otherwise', () => {
    const { code, stdout } = run(failing)
    assert.equal(code, 1)
    assert.equal(
      stdout,
      `✔ by site
✖ heads
rules/r.yaml:10:21: test "heads": expected rule CT, got reject no-rule
   10 |     expect: { rule: CT }
      |                     ^
  the association alone does not tell whether rule "CT" matches; its first dataset does:
  ✖ rule "site"  rules/r.yaml:2
      source: 10.0.0.0/8  false: "192.0.2.1"
  ✖ rule "CT"  rules/r.yaml:3
      Modality: [CT, MR]  true: "CT"
      BodyPartExamined: HEAD  false: "KNEE"
1 test passed, 1 failed
`,
    )
  })

  test('fails where the rules cannot be read', () => {
    const { code, stdout } = run('rules: [R]\n')
    assert.equal(code, 1)
    assert.match(stdout, /^rules\/r\.yaml:1:9: rule "#1": the rule must be a map\n/)
    assert.deepEqual(Object.keys(JSON.parse(run('rules: [R]\n', '--json').stdout)), ['errors'])
  })

  test('has the same for programs', () => {
    const { code, stdout } = run(failing, '--json')
    assert.equal(code, 1)
    const { passed, failed, tests } = told.parse(JSON.parse(stdout))
    assert.deepEqual([passed, failed], [1, 1])
    assert.deepEqual(
      tests.map(({ name, line, problems }) => [name, line, problems.map(({ message }) => message)]),
      [
        ['by site', 5, []],
        ['heads', 8, ['expected rule CT, got reject no-rule']],
      ],
    )
  })
})
