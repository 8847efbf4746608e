import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withStarted } from './started.ts'

test('what was started is stopped last to first, also when something fails', async () => {
  const stopped: string[] = []
  const named = (name: string) => ({ name, stop: async () => stopped.push(name) })
  assert.equal(await withStarted(async start => (await start(named('only'))).name), 'only')
  const failing = withStarted(async start => {
    await start(named('sink'))
    await start(Promise.resolve(named('balancer')))
    await start(Promise.reject<{ stop(): Promise<void> }>(new Error('no nginx')))
  })
  await assert.rejects(failing, /no nginx/)
  const failingToStop = withStarted(async start => {
    await start(named('loader'))
    await start({ stop: () => Promise.reject(new Error('it hangs')) })
  })
  await assert.rejects(failingToStop, /it hangs/)
  assert.deepEqual(stopped, ['only', 'balancer', 'sink', 'loader'])
})
