import assert from 'node:assert/strict'
import { test } from 'node:test'
import { declared, encodeTakes, takes } from '../../agent/negotiation/index.ts'
import { contexts, EXPLICIT, IMPLICIT } from '../support/messages.ts'
import { promise, request } from './support.ts'

const contextsOf = (count: number) =>
  contexts(Array.from({ length: count }, (_, index) => `1.2.${index}`)).map((context, index) => ({
    ...context,
    transferSyntaxes: [index % 3 === 0 ? EXPLICIT : IMPLICIT],
  }))

test('what each pool takes of 128 promised contexts comes back as it was, whatever their names', () => {
  const rq = request({ presentationContexts: contextsOf(128) })
  const promised = promise(rq, [{}])
  const pools = new Map([
    ['all', declared({})],
    ['implicit', declared({ transferSyntaxes: [IMPLICIT] })],
    ['implicit.too', declared({ transferSyntaxes: [IMPLICIT], sopClasses: ['1.2.127', '1.2.4'] })],
    ['none', declared({ transferSyntaxes: ['1.2.3'] })],
  ])
  const text = encodeTakes(rq, promised, pools) ?? ''
  for (const [pool, { resultOf }] of [...pools, ['unknown', declared({})] as const]) {
    const isTaken = takes(text, pool)
    for (const { id, abstractSyntax, transferSyntaxes } of rq.presentationContexts) {
      assert.equal(isTaken(id), resultOf(abstractSyntax, transferSyntaxes[0] ?? '') === 0, `${pool} ${id}`)
    }
  }
  assert.ok(!text.includes('all='))
})

test('nothing is told where every pool takes all, also if some of it was not promised', () => {
  const rq = request({ presentationContexts: contexts(['1.2.3'], ['1.2.4', IMPLICIT]) })
  assert.equal(encodeTakes(rq, promise(rq, [{}]), new Map([['all', declared({})]])), undefined)
  assert.ok(takes('', 'all')(1))
})
