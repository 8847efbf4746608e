import fc from 'fast-check'
import type { AssociateAc, AssociateRq } from '../../agent/dicom/index.ts'
import { declared, promise as promiseOf } from '../../agent/negotiation/index.ts'
import type { Pool } from '../../agent/routing/index.ts'
import { contexts } from '../support/messages.ts'

export function request(rq: Partial<AssociateRq> = {}): AssociateRq {
  return {
    protocolVersion: 1,
    calledAE: 'SCP',
    callingAE: 'SCU',
    applicationContext: '1.2.840.10008.3.1.1.1',
    presentationContexts: contexts(['1.2.840.10008.5.1.4.1.1.2']),
    maxPduLength: 32768,
    implementationClassUid: '1.2.3.4',
    implementationVersionName: 'TEST',
    roles: [],
    sopClassExtended: [],
    sopClassCommonExtended: [],
    ...rq,
  }
}

/** What is promised where the rules say what these pools accept, and each context may go to any. */
export function promise(rq: AssociateRq, pools: readonly Pool[]): AssociateAc {
  return promiseOf(rq, pools.map(declared))
}

const bytes = fc.uint8Array({ maxLength: 20 }).map(array => Buffer.from(array))
const uid = fc.constantFrom(
  '1.2.840.10008.1.2',
  '1.2.840.10008.1.2.1',
  '1.2.840.10008.1.2.4.70',
  '1.2.840.10008.1.1',
  '1.2',
)

/** Any A-ASSOCIATE-RQ, with and without each of the items that may be missing. */
export const anyRequest: fc.Arbitrary<AssociateRq> = fc
  .record(
    {
      maxPduLength: fc.nat(),
      asyncOperations: fc.constant({ invoked: 5, performed: 0 }),
      userIdentity: fc.record({
        type: fc.nat(5),
        positiveResponseRequested: fc.boolean(),
        primary: bytes,
        secondary: bytes,
      }),
      implementationClassUid: fc.constantFrom('', '1.2.3'),
      implementationVersionName: fc.constantFrom('', 'V1'),
      roles: fc.array(fc.record({ sopClass: uid, scu: fc.boolean(), scp: fc.boolean() }), { maxLength: 2 }),
      sopClassExtended: fc.array(fc.record({ sopClass: uid, info: bytes }), { maxLength: 2 }),
      sopClassCommonExtended: fc.array(bytes, { maxLength: 2 }),
      presentationContexts: fc
        .array(
          fc.record({ abstractSyntax: uid, transferSyntaxes: fc.array(uid, { minLength: 1, maxLength: 4 }) }),
          {
            minLength: 1,
            maxLength: 5,
          },
        )
        .map(all => all.map((context, index) => ({ id: 2 * index + 1, ...context }))),
    },
    { requiredKeys: [] },
  )
  .chain(items => {
    const { maxPduLength: _, ...rest } = request()
    return fc.constantFrom(
      { ...rest, ...items },
      { ...rest, implementationClassUid: '', implementationVersionName: '', ...items },
    )
  })
