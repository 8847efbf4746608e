import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { DEFAULT_LIMITS, Status, setVar } from '../../agent/haproxy-spoe/index.ts'
import { freePort, startHaproxy } from '../support/haproxy.ts'
import { startAgent } from './agent-under-test.ts'

const library = new URL('../../agent/haproxy-spoe/', import.meta.url)
const readme = await readFile(new URL('README.md', library), 'utf8')

test('every error code is documented, and no other', async () => {
  const source = await readFile(new URL('errors.ts', library), 'utf8')
  const codes = (text: string) => [...new Set(text.match(/\bSPO[EP]_[A-Z_]+\b/g))].sort()
  assert.deepEqual(codes(readme), codes(source))
})

test('every status code is documented', () => {
  const list = readme.slice(readme.indexOf('Status codes'))
  for (const code of Object.values(Status)) assert.match(list, new RegExp(`\\b${code} [a-z]`, 'i'))
})

test('every limit is documented with its default', () => {
  for (const [name, value] of Object.entries(DEFAULT_LIMITS)) {
    assert.match(readme, new RegExp(`\\| \`${name}\`[\\w ]* \\| ${value}\\b`))
  }
})

test('the example works', async t => {
  const { address } = await startAgent(t, {
    handlers: { 'check-client': ({ args }) => [setVar('txn', 'blocked', args.ip('src') === '127.0.0.1')] },
  })
  const web = await freePort()
  const [config = '', engine = ''] = Array.from(readme.matchAll(/```haproxy\n(.*?)```/gs), match => match[1])
  const haproxy = await startHaproxy({
    config: config
      .replace(':8080', `127.0.0.1:${web}`)
      .replace(':12345', `:${address.port}`)
      .replace('clients.conf\n  http', '{dir}/clients.conf\n  http'),
    files: { 'clients.conf': engine },
  })
  haproxy.stopAfter(t)
  assert.equal((await fetch(`http://127.0.0.1:${web}/`)).status, 403)
})
