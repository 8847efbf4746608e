import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { pino } from 'pino'
import { watchSources } from '../../agent/sources.ts'

function warnings(sources: readonly string[], usesSource = true): number {
  let lines = 0
  const watched = watchSources(pino({}, { write: () => void lines++ }))
  for (const source of sources) watched.answered({ step: 'associate', source }, { usesSource })
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
  test('while no rule looks at the source: none', () => {
    assert.equal(warnings(times(300, '172.17.0.1'), false), 0)
  })
  test('which ask for datasets, too: these do not count', () => {
    const watched = watchSources(pino({ level: 'silent' }))
    const tell = (step: 'associate' | 'dataset') =>
      watched.answered({ step, source: '172.17.0.1' }, { usesSource: true })
    for (let n = 0; n < 99; n++) for (const step of ['associate', 'dataset'] as const) tell(step)
    assert.equal(watched.gateway, undefined)
    tell('associate')
    assert.equal(watched.gateway, '172.17.0.1')
  })
})
