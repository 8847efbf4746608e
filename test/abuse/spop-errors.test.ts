import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { logErrors } from '../../agent/spop-errors.ts'

test('ten errors are logged in a minute, then how many there were more, and the next ten', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const lines: Record<string, unknown>[] = []
  const logError = logErrors(pino({}, { write: line => lines.push(JSON.parse(line)) }))
  const logged = (errors: number) => {
    for (let n = 0; n < errors; n++) logError(new Error('no SPOP'))
    t.mock.timers.tick(60_000)
    return lines.splice(0).map(({ msg, more }) => more ?? msg)
  }
  const ten = Array(10).fill('SPOP')
  assert.deepEqual(logged(25), [...ten, 15])
  assert.deepEqual(logged(10), ten)
  assert.deepEqual(logged(11), [...ten, 1])
})
