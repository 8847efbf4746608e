import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  type AssociateAc,
  type AssociateRq,
  decodeAbort,
  decodeAssociateAc,
  decodeAssociateRj,
  decodeAssociateRq,
  decodeCommandSet,
  decodePData,
  encodeAbort,
  encodeAssociateAc,
  encodeAssociateRj,
  encodeAssociateRq,
  encodeCommandSet,
  encodePData,
  withAETitles,
} from '../../agent/dicom/index.ts'

/** Records that deepEqual takes for object literals. */
const record = <T>(shape: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record<T>(shape, { noNullPrototype: true })

const uint8 = fc.integer({ min: 0, max: 0xff })
const uint16 = fc.integer({ min: 0, max: 0xffff })
const uint32 = fc.integer({ min: 0, max: 0xffffffff })
const buffer = fc.uint8Array({ maxLength: 40 }).map(array => Buffer.from(array))
const uid = fc
  .array(fc.integer({ min: 0, max: 99999 }), { minLength: 1, maxLength: 8 })
  .map(parts => parts.join('.'))
const printable = fc.integer({ min: 0x21, max: 0x7e }).filter(code => code !== 0x5c)
const aeTitle = fc.array(printable, { maxLength: 16 }).map(codes => String.fromCharCode(...codes))
const versionName = aeTitle

const common = {
  protocolVersion: uint16,
  calledAE: aeTitle,
  callingAE: aeTitle,
  applicationContext: uid,
  implementationClassUid: fc.oneof(uid, fc.constant('')),
  implementationVersionName: versionName,
  roles: fc.array(record({ sopClass: uid, scu: fc.boolean(), scp: fc.boolean() }), { maxLength: 4 }),
  sopClassExtended: fc.array(record({ sopClass: uid, info: buffer }), { maxLength: 4 }),
}
const maxPduLength = fc.option(uint32, { nil: undefined })
const asyncOperations = fc.option(record({ invoked: uint16, performed: uint16 }), { nil: undefined })
const oddIds = fc.uniqueArray(
  fc.integer({ min: 0, max: 127 }).map(n => 2 * n + 1),
  { minLength: 1, maxLength: 128 },
)

/** Drops what is undefined: exactOptionalPropertyTypes tells it from what is absent. */
function present<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T
}

const associateRq = record({
  ...common,
  maxPduLength,
  asyncOperations,
  ids: oddIds,
  context: record({
    abstractSyntax: uid,
    transferSyntaxes: fc.array(uid, { minLength: 1, maxLength: 5 }),
  }),
  sopClassCommonExtended: fc.array(buffer, { maxLength: 3 }),
  userIdentity: fc.option(
    record({ type: uint8, positiveResponseRequested: fc.boolean(), primary: buffer, secondary: buffer }),
    { nil: undefined },
  ),
}).map(({ ids, context, ...rest }) =>
  present({ ...rest, presentationContexts: ids.map(id => ({ id, ...context })) }),
) as fc.Arbitrary<AssociateRq>

const associateAc = record({
  ...common,
  maxPduLength,
  asyncOperations,
  ids: oddIds,
  result: fc.integer({ min: 0, max: 4 }),
  transferSyntax: uid,
  userIdentityResponse: fc.option(buffer, { nil: undefined }),
}).map(({ ids, result, transferSyntax, ...rest }) =>
  present({ ...rest, presentationContexts: ids.map(id => ({ id, result, transferSyntax })) }),
) as fc.Arbitrary<AssociateAc>

describe('decoding what was encoded gives what there was', () => {
  test('A-ASSOCIATE-RQ', () => {
    fc.assert(
      fc.property(associateRq, rq =>
        assert.deepEqual(decodeAssociateRq(encodeAssociateRq(rq).subarray(6)), rq),
      ),
    )
  })

  test('A-ASSOCIATE-AC', () => {
    fc.assert(
      fc.property(associateAc, ac =>
        assert.deepEqual(decodeAssociateAc(encodeAssociateAc(ac).subarray(6)), ac),
      ),
    )
  })

  test('A-ASSOCIATE-RQ with other AE titles', () => {
    const title = aeTitle.filter(title => title !== '')
    const titles = fc.record({ calledAE: title, callingAE: title }, { requiredKeys: [] })
    fc.assert(
      fc.property(associateRq, titles, (rq, titles) => {
        const rewritten = withAETitles(encodeAssociateRq(rq), titles)
        assert.deepEqual(rewritten, encodeAssociateRq({ ...rq, ...titles }))
      }),
    )
  })

  test('A-ASSOCIATE-RJ and A-ABORT', () => {
    fc.assert(
      fc.property(uint8, uint8, uint8, (result, source, reason) => {
        const rj = { result, source, reason }
        assert.deepEqual(decodeAssociateRj(encodeAssociateRj(rj).subarray(6)), rj)
        assert.deepEqual(decodeAbort(encodeAbort({ source, reason }).subarray(6)), { source, reason })
      }),
    )
  })

  test('P-DATA-TF', () => {
    const pdv = record({ contextId: uint8, command: fc.boolean(), last: fc.boolean(), data: buffer })
    fc.assert(
      fc.property(fc.array(pdv), pdvs => assert.deepEqual(decodePData(encodePData(pdvs).subarray(6)), pdvs)),
    )
  })

  test('command set', () => {
    const elements = fc.record(
      {
        AffectedSOPClassUID: uid,
        CommandField: uint16,
        MessageID: uint16,
        MoveDestination: aeTitle,
        CommandDataSetType: uint16,
        OffendingElement: fc.array(uint32, { maxLength: 4 }),
        ErrorComment: aeTitle,
        AffectedSOPInstanceUID: uid,
      },
      { requiredKeys: ['CommandField', 'CommandDataSetType'], noNullPrototype: true },
    )
    fc.assert(
      fc.property(elements, each =>
        assert.deepEqual(decodeCommandSet(encodeCommandSet(each)).elements, each),
      ),
    )
  })
})
