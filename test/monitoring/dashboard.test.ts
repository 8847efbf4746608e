import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { type Monitored, queriesOfDashboard, startMonitored } from './support.ts'

describe('each query of the dashboard has an answer:', { timeout: 120_000 }, () => {
  let monitored: Monitored

  before(async () => {
    monitored = await startMonitored()
  })
  after(() => monitored?.stop())

  for (const { panel, expr } of queriesOfDashboard()) {
    test(panel, async () => {
      const results = await monitored.query(expr)
      assert.notEqual(results.length, 0, expr)
      for (const { value } of results) assert.ok(Number.isFinite(Number(value[1])), `${expr}: ${value[1]}`)
    })
  }
})

test('docs/monitoring.md has an answer to each query of the dashboard, and no others', () => {
  const page = readFileSync(new URL('../../docs/monitoring.md', import.meta.url), 'utf8')
  const answered = [...page.matchAll(/^\| (.*?) +\| `(.*)` +\| \S.* \|$/gm)].map(([, ...of]) => of)
  assert.deepEqual(
    answered,
    queriesOfDashboard().map(({ panel, expr }) => [panel, expr]),
  )
})
