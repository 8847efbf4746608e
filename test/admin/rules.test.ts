import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { describe, test } from 'node:test'
import type { Answered } from '../../agent/decisions.ts'
import { badFile, problemsIn } from '../reload/support.ts'
import { startAdmin } from './support.ts'

const rules = `
rules:
  - name: QA
    description: for tests
    when: { callingAE: QA, Modality: [CT, MR] }
    route: { qa: 5, ct: 95 }
    stick: PatientID
    mixed: follow
  - { name: strangers, when: { callingAE: X }, reject: { reason: temporary-congestion, transient: true } }
undecided: quarantine
default: ct
`

/** Of `badFile`. */
const excerpts = [
  '    2 |   - { name: one }\n      |     ^',
  `    3 |   - { name: two, route: a b }\n      | ${' '.repeat(24)}^`,
]

describe('GET /rules', () => {
  test('tells the rules that serve, in their order', async t => {
    const { get, rules: live } = await startAdmin(t, rules)
    const { hash, loadedAt, problems, rules: told, undecided } = (await get('/rules')).json()
    assert.deepEqual([hash, loadedAt], [live.serving.hash, live.serving.loadedAt.toISOString()])
    assert.deepEqual(problems, [])
    const hits = { decided: 0, waited: 0 }
    assert.deepEqual(
      told.map(({ file: _, ...rule }: { file: string }) => rule),
      [
        {
          name: 'QA',
          description: 'for tests',
          line: 3,
          when: ['callingAE: QA', 'Modality: [CT, MR]'],
          route: { pools: ['qa', 'ct'], weights: [5, 95] },
          mixed: 'follow',
          stick: true,
          hits,
        },
        {
          name: 'strangers',
          line: 9,
          when: ['callingAE: X'],
          reject: { reason: 'temporary-congestion', transient: true },
          hits,
        },
        {
          name: 'default',
          line: 11,
          when: [],
          route: { pools: ['ct'] },
          mixed: 'refuse',
          stick: false,
          hits,
        },
      ],
    )
    assert.deepEqual(undecided, { route: { pools: ['quarantine'] }, mixed: 'refuse', stick: false, hits })
    for (const { file } of told) assert.match(file, /rules\.yaml$/)
  })

  test('tells what is wrong with the files as they are now, with the line and a caret, until they are mended', async t => {
    const { get, rules: live, write, folder } = await startAdmin(t, rules)
    const problems = async () => (await get('/rules')).json().problems
    write(badFile)
    await live.reload('POST')
    const expected = problemsIn(folder).map((text, index) => ({ text, excerpt: excerpts[index] }))
    assert.deepEqual(await problems(), expected)
    write(rules)
    await live.reload('POST')
    assert.deepEqual(await problems(), [])
  })

  test('tells of a folder that cannot be read', async t => {
    const { get, rules: live, folder } = await startAdmin(t, rules)
    rmSync(folder, { recursive: true })
    await live.reload('POST')
    const [problem, ...others] = (await get('/rules')).json().problems
    assert.match(problem.text, /ENOENT/)
    assert.deepEqual([problem.excerpt, others], [undefined, []])
  })

  test('tells how often each has decided, and had to wait for a dataset', async t => {
    const { get, agent } = await startAdmin(t, rules)
    const answers: Partial<Answered>[] = [
      { path: 'delayed', waitsFor: 'QA' },
      { step: 'dataset', rule: 'QA', backend: 'qa' },
      { step: 'instance', rule: 'QA', pool: 'ct', verdict: 'refuse', refusal: 'other-pool' },
      { path: 'refused', rule: 'strangers', refusal: 'temporary-congestion' },
      { path: 'delayed', waitsFor: 'QA' },
      { step: 'dataset', rule: 'undecided', backend: 'quarantine' },
    ]
    for (const answer of answers) {
      agent.metrics.answered({ step: 'associate', source: '', ...answer }, agent.rules.serving.ruleSet, 0.001)
    }
    const told = (await get('/rules')).json()
    assert.deepEqual(
      told.rules.map(({ name, hits }: { name: string; hits: object }) => [name, hits]),
      [
        ['QA', { decided: 2, waited: 2 }],
        ['strangers', { decided: 1, waited: 0 }],
        ['default', { decided: 0, waited: 0 }],
      ],
    )
    assert.deepEqual(told.undecided.hits, { decided: 1, waited: 0 })
  })
})
