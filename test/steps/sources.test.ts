import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { pino } from 'pino'
import { watchSources } from '../../agent/sources.ts'

function warnings(sources: readonly string[]): number {
  let lines = 0
  const watch = watchSources(pino({}, { write: () => void lines++ }))
  for (const source of sources) watch(source)
  return lines
}
const times = (count: number, source: string): string[] => Array.from({ length: count }, () => source)

describe('a hundred associations', () => {
  for (const gateway of ['172.17.0.1', '10.88.0.1', '192.168.65.1']) {
    test(`all from ${gateway}: one warning`, () => assert.equal(warnings(times(300, gateway)), 1))
  }
  for (const client of ['172.17.0.5', '127.0.0.1', '172.32.0.1', '2001:db8::1']) {
    test(`all from ${client}: none`, () => assert.equal(warnings(times(300, client)), 0))
  }
  test('fewer: none', () => assert.equal(warnings(times(99, '172.17.0.1')), 0))
  test('one of them from elsewhere: none', () => {
    assert.equal(warnings([...times(50, '172.17.0.1'), '10.1.0.7', ...times(250, '172.17.0.1')]), 0)
  })
})
