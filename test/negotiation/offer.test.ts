import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { decodeAssociateRq, encodeAssociateRq, pduHeaderLength } from '../../agent/dicom/index.ts'
import { offer } from '../../agent/negotiation/index.ts'
import { captures, fixture, pdusOf } from '../dicom/support.ts'
import { CT_IMAGE, EXPLICIT, IMPLICIT, MR_IMAGE } from '../support/messages.ts'
import { anyRequest, promise, request } from './support.ts'

const JPEG = '1.2.840.10008.1.2.4.70'

describe('the offer', () => {
  test('proposes what was promised, with that one transfer syntax, and nothing that was refused', () => {
    const rq = request({
      presentationContexts: [
        { id: 1, abstractSyntax: CT_IMAGE, transferSyntaxes: [JPEG, EXPLICIT, IMPLICIT] },
        { id: 3, abstractSyntax: CT_IMAGE, transferSyntaxes: [JPEG] },
        { id: 5, abstractSyntax: MR_IMAGE, transferSyntaxes: [IMPLICIT] },
      ],
    })
    assert.deepEqual(offer(rq, promise(rq, [{}]), {}).presentationContexts, [
      { id: 1, abstractSyntax: CT_IMAGE, transferSyntaxes: [EXPLICIT] },
      { id: 5, abstractSyntax: MR_IMAGE, transferSyntaxes: [IMPLICIT] },
    ])
  })

  test('keeps to the promise, whatever the pool that was chosen would accept beside it', () => {
    const rq = request({
      presentationContexts: [{ id: 1, abstractSyntax: CT_IMAGE, transferSyntaxes: [JPEG, EXPLICIT] }],
    })
    const chosen = { transferSyntaxes: [JPEG, EXPLICIT] }
    const [context] = offer(rq, promise(rq, [chosen, {}]), chosen).presentationContexts
    assert.deepEqual(context?.transferSyntaxes, [EXPLICIT])
  })

  test('is called as the pool wants to be, or else as the client did', () => {
    const rq = request({ calledAE: 'PACS' })
    assert.equal(offer(rq, promise(rq, [{}]), { calledAE: 'ARCHIVE' }).calledAE, 'ARCHIVE')
    assert.equal(offer(rq, promise(rq, [{}]), {}).calledAE, 'PACS')
  })

  test('is called by the title that the pool wants to see, or else by the client', () => {
    const rq = request({ callingAE: 'CT1' })
    assert.equal(offer(rq, promise(rq, [{}]), { callingAE: 'LB' }).callingAE, 'LB')
    assert.equal(offer(rq, promise(rq, [{}]), {}).callingAE, 'CT1')
  })

  test('proposes nothing that the promise has declined: asynchronous operations, roles, extended negotiation', () => {
    const sopClass = CT_IMAGE
    const rq = request({
      asyncOperations: { invoked: 8, performed: 1 },
      roles: [{ sopClass, scu: true, scp: false }],
      sopClassExtended: [{ sopClass, info: Buffer.of(1) }],
      sopClassCommonExtended: [Buffer.of(1, 2)],
    })
    const { asyncOperations, roles, sopClassExtended, sopClassCommonExtended } = offer(
      rq,
      promise(rq, [{}]),
      {},
    )
    assert.deepEqual(
      [asyncOperations, roles, sopClassExtended, sopClassCommonExtended],
      [undefined, [], [], []],
    )
  })

  test('keeps who the client is and what it takes', () => {
    const rq = request({
      userIdentity: {
        type: 2,
        positiveResponseRequested: false,
        primary: Buffer.from('ann'),
        secondary: Buffer.from('secret'),
      },
    })
    assert.deepEqual(offer(rq, promise(rq, [{}]), {}), rq)
  })

  test("is never longer than the client's A-ASSOCIATE-RQ", () => {
    fc.assert(
      fc.property(anyRequest, fc.constantFrom('', 'A', 'SIXTEEN_LETTERS_'), (rq, calledAE) => {
        const pool = { ...(calledAE && { calledAE }), transferSyntaxes: [IMPLICIT, EXPLICIT, JPEG, '1.2'] }
        const encoded = encodeAssociateRq(offer(rq, promise(rq, [pool]), pool))
        assert.ok(encoded.length <= encodeAssociateRq(rq).length)
      }),
      { numRuns: 1000 },
    )
  })

  test('nor than one that says nothing of its user, or only its implementation (PS3.8 §9.3.2.3)', () => {
    const body = encodeAssociateRq(request()).subarray(pduHeaderLength)
    const userInformation = body.indexOf(Buffer.of(0x50, 0, 0))
    const bare = body.subarray(0, userInformation)
    const implementation = Buffer.from('5000000952000005', 'hex')
    for (const sent of [bare, Buffer.concat([bare, implementation, Buffer.from('1.2.3')])]) {
      const rq = decodeAssociateRq(sent)
      const encoded = encodeAssociateRq(offer(rq, promise(rq, [{}]), {}))
      assert.deepEqual(encoded.subarray(pduHeaderLength), sent)
    }
  })

  const clients = captures().filter(name => name.endsWith('.client.bin'))
  for (const name of clients) {
    test(`is never longer than that of ${name}, and reads back`, () => {
      const pdu = pdusOf(fixture(name))[0]
      assert.ok(pdu)
      const rq = decodeAssociateRq(pdu.body)
      const everything = {
        transferSyntaxes: rq.presentationContexts.flatMap(context => context.transferSyntaxes),
      }
      const offered = offer(rq, promise(rq, [everything]), everything)
      const encoded = encodeAssociateRq(offered)
      assert.ok(encoded.length <= pdu.whole.length)
      assert.deepEqual(decodeAssociateRq(encoded.subarray(pduHeaderLength)), offered)
    })
  }
})
