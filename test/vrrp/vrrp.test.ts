import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitUntil } from '../support/haproxy.ts'
import { startSite } from './site.ts'

test('the address of docs/scaling.md moves to the machine whose HAProxy serves, and back only when that does not', {
  timeout: 120_000,
}, async t => {
  const site = await startSite()
  site.stopAfter(t)
  const [one, two] = site.machines
  const routed = / delayed pacs\/PACS rule="CT" /

  const first = await one.startHaproxy()
  const second = await two.startHaproxy()
  await waitUntil(one.hasAddress)
  assert.equal(await site.send(), 0)
  await first.wrote(routed)

  await first.stop('SIGKILL')
  await waitUntil(two.hasAddress)
  assert.equal(await site.send(), 0)
  await second.wrote(routed)

  const third = await one.startHaproxy()
  await one.keepalived.wrote(/MASTER STATE.*FAULT STATE.*BACKUP STATE/s)
  assert.ok(two.hasAddress())
  await second.stop('SIGKILL')
  await waitUntil(one.hasAddress)
  assert.equal(await site.send(), 0)
  await third.wrote(routed)
})
