import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { cells, page, tableOf } from '../services/table.ts'

const tests = globSync(fileURLToPath(new URL('../services/*.test.ts', import.meta.url)))
const tested = tests.flatMap(file =>
  [...readFileSync(file, 'utf8').matchAll(/^testService\(\s*'(.*?)'/gm)].map(([, service]) => service),
)

describe('docs/conformance.md', () => {
  test('has a row for each service that is tested, and no other', () => {
    assert.deepEqual(tested.sort(), [...new Set(cells.map(({ service }) => service))].sort())
  })

  test('has a reason for each cell without a PACS', () => {
    const reasons = [...page.matchAll(/^(\d+)\. /gm)].map(([, number]) => number)
    const given = new Set(cells.flatMap(({ reason }) => reason ?? []))
    assert.deepEqual([...given].sort(), reasons)
  })

  test('tells the same of each PACS', () => {
    const [[, ...names] = [], ...rows] = tableOf('Services and PACS')
    const told = rows.map(([service, ...row]) => [service, names.filter((_, index) => row[index] === 'yes')])
    const services = [...new Set(cells.map(({ service }) => service))]
    const expected = services.map(service => {
      const pacs = cells.filter(cell => cell.service === service).flatMap(cell => cell.pacs)
      return [service, names.filter(name => pacs.includes(name))]
    })
    assert.deepEqual(told, expected)
  })
})
