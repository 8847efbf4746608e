import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { type Benchmarks, type Goal, page } from './page.ts'

const figure = (...numbers: number[]) => ({ numbers, digits: 1 })
const goal = (must: Goal['must'], be: number, ...numbers: number[]): Goal => ({
  goal: 'speed',
  must,
  be,
  figure: figure(...numbers),
})

function written(benchmarks: Partial<Benchmarks> = {}, goals: Goal[] = []): string {
  const tables = [
    {
      caption: 'Small ones',
      columns: ['MB/s', 'ratio'],
      rows: [
        { name: 'straight', cells: [figure(4, 1, 2, 5, 3), figure(1)] },
        { name: 'ours', cells: [figure(20), figure(Number.NaN)] },
      ],
    },
  ]
  const section = { title: 'Bulk', how: 'Many were sent.', tables, goals, elsewhere: [0.1, 0.3, 0.2] }
  return page({ machine: { CPU: 'fast' }, scale: 1, sections: [section], failures: {}, ...benchmarks })
}

const lines = (text: string) => text.split('\n').map(line => line.replaceAll(/ +/g, ' '))

test('a table tells how many rounds it has, their median and half the width of their middle half', () => {
  const text = lines(written())
  const at = text.indexOf('Small ones, 5 rounds:')
  assert.deepEqual(text.slice(at + 2, at + 6), [
    '| | MB/s | ratio |',
    '| -------- | -------: | ----: |',
    '| straight | 3.0 ±1.0 | 1.0 |',
    '| ours | 20.0 | - |',
  ])
})

test('the page is as biome would format it', () => {
  const text = written({ failures: { Orthanc: 'it did not start' } }, [goal('at most', 2, 1)])
  const options = ['format', '--stdin-file-path=benchmarks.md']
  assert.equal(execFileSync('biome', options, { input: text, encoding: 'utf8' }), text)
})

test('a goal is met by the median, and says how sure that is', () => {
  const rows = (...goals: Goal[]) => lines(written({}, goals)).filter(line => line.startsWith('| speed'))
  assert.deepEqual(
    rows(goal('at most', 2, 1, 2, 9), goal('at most', 2, 3), goal('at least', 2, 2), goal('at least', 2, 1)),
    [
      '| speed | at most 2 | 2.0 | 1.0 … 9.0 | yes | |',
      '| speed | at most 2 | 3.0 | 3.0 … 3.0 | **no** | |',
      '| speed | at least 2 | 2.0 | 2.0 … 2.0 | yes | |',
      '| speed | at least 2 | 1.0 | 1.0 … 1.0 | **no** | |',
    ],
  )
})

test('a goal tells its limit where it has one', () => {
  const text = written({}, [{ ...goal('at most', 2, 3), limit: figure(2.5) }])
  assert.ok(lines(text).includes('| speed | at most 2 | 3.0 | 3.0 … 3.0 | **no** | 2.5 |'))
})

test('a goal without a figure is not met', () => {
  assert.match(written({}, [goal('at most', 2)]), /\*\*no\*\*/)
})

test('what others used of the machine, what was not measured, and a scale are told', () => {
  assert.match(written(), /had 20 % of the machine/)
  assert.doesNotMatch(written(), /scaled/)
  const text = written({ scale: 0.5, failures: { Orthanc: 'it did not start' } })
  assert.match(text, /scaled by 0\.5/)
  assert.match(text, /^Not measured: Orthanc: it did not start$/m)
})
