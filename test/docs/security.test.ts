import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { decide } from '../../agent/routing/index.ts'
import { rulesOf } from '../routing/support.ts'

test('the list of known senders in docs/security.md lets these pass, and nobody else', () => {
  const text = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8')
  const block = text.match(/^```yaml\n(.*?)^```$/ms)?.[1] ?? ''
  const rules = rulesOf({ '00-senders.yaml': block, '90-default.yaml': 'default: general\n' })
  const outcome = (callingAE: string, source: string) => {
    const facts = {
      callingAE,
      calledAE: 'ANY',
      source,
      sopClasses: [],
      transferSyntaxes: [],
      implementation: [],
    }
    return decide(rules, { ...facts, id: '', live: undefined, at: 0, dimse: { state: 'absent' } }, 'not yet')
      .kind
  }
  assert.equal(outcome('CT_1', '10.1.2.3'), 'route')
  assert.equal(outcome('MR_7', '10.1.9.9'), 'route')
  assert.equal(outcome('GATEWAY', '10.2.0.7'), 'route')
  assert.equal(outcome('GATEWAY', '10.2.0.8'), 'reject')
  assert.equal(outcome('CT_1', '10.2.2.3'), 'reject')
  assert.equal(outcome('CT_2X', '10.1.2.3'), 'reject')
})
