import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  ContextResult,
  decodeAssociateAc,
  encodeAssociateAc,
  pduHeaderLength,
} from '../../agent/dicom/index.ts'
import {
  type Acceptance,
  declared as acceptanceOf,
  offer,
  promise as promiseOf,
} from '../../agent/negotiation/index.ts'
import type { Pool } from '../../agent/routing/index.ts'
import { CT_IMAGE, EXPLICIT, IMPLICIT, MR_IMAGE } from '../support/messages.ts'
import { anyRequest, promise, request } from './support.ts'

const JPEG = '1.2.840.10008.1.2.4.70'
const J2K = '1.2.840.10008.1.2.4.90'

const context = (...transferSyntaxes: string[]) => [{ id: 1, abstractSyntax: CT_IMAGE, transferSyntaxes }]
const pool = (...transferSyntaxes: string[]): Pool => ({ transferSyntaxes })

describe('the transfer syntax that is promised', () => {
  const table: [subject: string, proposed: string[], pools: Pool[], promised: string | undefined][] = [
    ["is the first of the client's", [EXPLICIT, IMPLICIT], [{}], EXPLICIT],
    ["in the client's order, not in the pool's", [IMPLICIT, EXPLICIT], [pool(EXPLICIT, IMPLICIT)], IMPLICIT],
    ['is a declared one', [JPEG, EXPLICIT], [pool(JPEG, EXPLICIT)], JPEG],
    [
      'is not one that only some candidates accept',
      [JPEG, EXPLICIT],
      [pool(JPEG, EXPLICIT), pool(EXPLICIT)],
      EXPLICIT,
    ],
    [
      'nor one that an undeclared candidate would not',
      [JPEG, IMPLICIT],
      [pool(JPEG, IMPLICIT), {}],
      IMPLICIT,
    ],
    ['is none where the candidates have none in common', [JPEG, J2K], [pool(JPEG), pool(J2K)], undefined],
    ['is none where the client proposes only what no pool accepts', [J2K], [{}], undefined],
    ['a declaration says all: defaults are not added', [IMPLICIT], [pool(JPEG)], undefined],
  ]
  for (const [subject, proposed, pools, promised] of table) {
    test(subject, () => {
      const { presentationContexts } = promise(request({ presentationContexts: context(...proposed) }), pools)
      const expected = promised
        ? { id: 1, result: ContextResult.acceptance, transferSyntax: promised }
        : { id: 1, result: ContextResult.transferSyntaxesNotSupported, transferSyntax: '' }
      assert.deepEqual(presentationContexts, [expected])
    })
  }

  test('is one that the next candidates accept, where the first have none in common', () => {
    const [first, next] = [[pool(JPEG), pool(EXPLICIT)], [pool(JPEG, EXPLICIT)]].map(pools =>
      pools.map(acceptanceOf),
    ) as [Acceptance[], Acceptance[]]
    const promised = (...alternatives: [Acceptance[], ...Acceptance[][]]) => {
      const rq = request({ presentationContexts: context(EXPLICIT, JPEG) })
      const [answer] = promiseOf(rq, first, () => alternatives).presentationContexts
      return answer?.transferSyntax
    }
    assert.deepEqual(
      [promised(first, next), promised(next, first), promised(first)],
      [EXPLICIT, EXPLICIT, ''],
    )
  })

  test('is found for each context by itself, under its id', () => {
    const presentationContexts = [
      { id: 7, abstractSyntax: CT_IMAGE, transferSyntaxes: [JPEG] },
      { id: 3, abstractSyntax: MR_IMAGE, transferSyntaxes: [IMPLICIT] },
      { id: 5, abstractSyntax: '1.2.3', transferSyntaxes: [EXPLICIT] },
    ]
    assert.deepEqual(promise(request({ presentationContexts }), [{}]).presentationContexts, [
      { id: 7, result: ContextResult.transferSyntaxesNotSupported, transferSyntax: '' },
      { id: 3, result: ContextResult.acceptance, transferSyntax: IMPLICIT },
      { id: 5, result: ContextResult.acceptance, transferSyntax: EXPLICIT },
    ])
  })
})

describe('the SOP class that is promised', () => {
  const declared = (...sopClasses: string[]): Pool => ({ sopClasses })
  const table: [subject: string, pools: Pool[], accepted: boolean][] = [
    ['is any where nothing is declared', [{}], true],
    ['is a declared one', [declared(MR_IMAGE, CT_IMAGE)], true],
    ['is no other', [declared(MR_IMAGE)], false],
    ['is not one that only some candidates accept', [declared(CT_IMAGE), declared(MR_IMAGE), {}], false],
    ['is one that an undeclared candidate accepts, too', [{}, declared(CT_IMAGE)], true],
  ]
  for (const [subject, pools, accepted] of table) {
    test(subject, () => {
      const rq = request({ presentationContexts: context(IMPLICIT) })
      const ac = promise(rq, pools)
      const expected = accepted
        ? { id: 1, result: ContextResult.acceptance, transferSyntax: IMPLICIT }
        : { id: 1, result: ContextResult.abstractSyntaxNotSupported, transferSyntax: '' }
      assert.deepEqual(ac.presentationContexts, [expected])
      assert.equal(offer(rq, ac, pools[0] ?? {}).presentationContexts.length, accepted ? 1 : 0)
    })
  }
})

describe('the maximum PDU length that is promised', () => {
  const table: [subject: string, lengths: (number | undefined)[], promised: number][] = [
    ['is 16384 where nothing is declared', [undefined], 16384],
    ['is what is declared', [65536], 65536],
    ['is the smallest of the candidates', [65536, 32768, 131072], 32768],
    ['counts what is not declared', [65536, undefined], 16384],
    ['takes 0 for unlimited', [0, 65536], 65536],
    ['is unlimited where all are', [0, 0], 0],
  ]
  for (const [subject, lengths, promised] of table) {
    test(subject, () => {
      const pools = lengths.map((maxPduLength): Pool => ({ maxPduLength }))
      assert.equal(promise(request({ maxPduLength: 4096 }), pools).maxPduLength, promised)
    })
  }
})

describe('the promise', () => {
  test("repeats the client's titles, as PS3.8 §9.3.3 has it, and not the pool's", () => {
    const ac = promise(request({ calledAE: 'PACS', callingAE: 'CT1' }), [{ calledAE: 'ARCHIVE' }])
    assert.equal(ac.calledAE, 'PACS')
    assert.equal(ac.callingAE, 'CT1')
    assert.equal(ac.implementationVersionName, 'DICOM_LB')
  })

  test('answers no asynchronous operations, roles, extended negotiation or user identity', () => {
    fc.assert(
      fc.property(anyRequest, rq => {
        const ac = promise(rq, [{}])
        assert.deepEqual([ac.roles, ac.sopClassExtended], [[], []])
        assert.equal('asyncOperations' in ac || 'userIdentityResponse' in ac, false)
      }),
    )
  })

  test('can be sent, and accepts nothing but what the client proposed and every pool accepts', () => {
    const syntaxes = fc.subarray([IMPLICIT, EXPLICIT, JPEG, '1.2'], { minLength: 1 })
    const pools = fc.array(
      fc.option(syntaxes).map((declared): Pool => (declared ? { transferSyntaxes: declared } : {})),
      { minLength: 1, maxLength: 4 },
    )
    fc.assert(
      fc.property(anyRequest, pools, (rq, pools) => {
        const ac = decodeAssociateAc(encodeAssociateAc(promise(rq, pools)).subarray(pduHeaderLength))
        assert.deepEqual(
          ac.presentationContexts.map(({ id }) => id),
          rq.presentationContexts.map(({ id }) => id),
        )
        for (const [index, { result, transferSyntax }] of ac.presentationContexts.entries()) {
          const proposed = rq.presentationContexts[index]?.transferSyntaxes ?? []
          const common = proposed.filter(uid =>
            pools.every(({ transferSyntaxes = [IMPLICIT, EXPLICIT] }) => transferSyntaxes.includes(uid)),
          )
          assert.equal(result === ContextResult.acceptance, common.length > 0)
          assert.equal(transferSyntax, common[0] ?? '')
        }
      }),
    )
  })
})
