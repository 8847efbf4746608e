import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type AssociateRq,
  abortReasons,
  decodeAbort,
  decodeAssociateAc,
  decodeAssociateRj,
  decodeAssociateRq,
  decodeRelease,
  encodeAbort,
  encodeAssociateAc,
  encodeAssociateRj,
  encodeAssociateRq,
  encodeReleaseRp,
  encodeReleaseRq,
  pduHeaderLength,
  rejectReasons,
  withAETitles,
} from '../../agent/dicom/index.ts'
import { bytes, fixture, pdusOf, refusal } from './support.ts'

function firstPdu(name: string) {
  const [pdu] = pdusOf(fixture(name))
  assert.ok(pdu)
  return pdu
}

const fixedPart = `
  00 01 00 00                     # protocol version 1, reserved
  ' ARCHIVE        '              # called AE, padded on both sides
  'CT1'  20 20 20 20 20 20 20 20 20 20 20 20 20  # calling AE
  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00
  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 ff   # reserved, not to be tested
`
const applicationContext = `10 00 00 15 '1.2.840.10008.3.1.1.1'`
const context1 = `
  20 00 00 2e  01 ff ff ff        # presentation context 1
    30 00 00 11 '1.2.840.10008.1.1'
    40 00 00 11 '1.2.840.10008.1.2'
`
const allUserInformation = `
  50 00 00 73                     # user information
    51 00 00 04 00 00 40 00       # maximum length 16384
    52 00 00 05 '1.2.3'           # implementation class UID
    53 00 00 04 00 02 00 03       # asynchronous operations: invoked 2, performed 3
    54 00 00 15 00 11 '1.2.840.10008.1.1' 01 00      # role selection: SCU, not SCP
    55 00 00 04 'V1.0'            # implementation version name
    56 00 00 15 00 11 '1.2.840.10008.1.1' 01 02      # SOP class extended negotiation
    57 00 00 03 aa bb cc          # SOP class common extended negotiation
    58 00 00 0f 02 01 00 03 'ann' 00 06 'secret'     # user identity: user and passcode, response wanted
    5f 00 00 02 00 00             # an item that nobody knows
`
const golden = bytes(`${fixedPart}${applicationContext}${context1}
  7a 00 00 01 00                  # an item that nobody knows
  ${allUserInformation}`)

const decoded: AssociateRq = {
  protocolVersion: 1,
  calledAE: 'ARCHIVE',
  callingAE: 'CT1',
  applicationContext: '1.2.840.10008.3.1.1.1',
  presentationContexts: [
    { id: 1, abstractSyntax: '1.2.840.10008.1.1', transferSyntaxes: ['1.2.840.10008.1.2'] },
  ],
  maxPduLength: 16384,
  implementationClassUid: '1.2.3',
  implementationVersionName: 'V1.0',
  asyncOperations: { invoked: 2, performed: 3 },
  roles: [{ sopClass: '1.2.840.10008.1.1', scu: true, scp: false }],
  sopClassExtended: [{ sopClass: '1.2.840.10008.1.1', info: Buffer.from([1, 2]) }],
  sopClassCommonExtended: [Buffer.from([0xaa, 0xbb, 0xcc])],
  userIdentity: {
    type: 2,
    positiveResponseRequested: true,
    primary: Buffer.from('ann'),
    secondary: Buffer.from('secret'),
  },
}

describe('A-ASSOCIATE-RQ (PS3.8 §9.3.2)', () => {
  test('is decoded item by item, unknown items ignored', () => {
    assert.deepEqual(decodeAssociateRq(golden), decoded)
  })

  test('without user information has no limit and no names, and none is made up', () => {
    const body = bytes(fixedPart + applicationContext + context1)
    const rq = decodeAssociateRq(body)
    assert.equal(encodeAssociateRq(rq).length, pduHeaderLength + body.length)
    assert.equal(rq.maxPduLength, undefined)
    assert.equal(rq.implementationClassUid, '')
    assert.equal(rq.implementationVersionName, '')
  })

  test('of DCMTK is decoded and encoded to the same bytes but for reserved ones', () => {
    const { body, whole } = firstPdu('storescu.client.bin')
    const rq = decodeAssociateRq(body)
    assert.equal(rq.calledAE, 'ARCHIVE')
    assert.equal(rq.callingAE, 'CT1')
    assert.equal(rq.maxPduLength, 4096)
    assert.equal(rq.implementationClassUid, '1.2.276.0.7230010.3.0.3.6.7')
    assert.equal(rq.implementationVersionName, 'OFFIS_DCMTK_367')
    const abstractSyntax = '1.2.840.10008.5.1.4.1.1.2'
    assert.deepEqual(rq.presentationContexts, [
      { id: 1, abstractSyntax, transferSyntaxes: ['1.2.840.10008.1.2.1'] },
      { id: 3, abstractSyntax, transferSyntaxes: ['1.2.840.10008.1.2.2', '1.2.840.10008.1.2'] },
    ])
    // DCMTK writes FFH to the second reserved byte of a presentation context.
    const expected = Buffer.from(whole)
    for (const reserved of [0x69, 0xa5]) {
      assert.equal(expected[reserved], 0xff)
      expected[reserved] = 0
    }
    assert.deepEqual(encodeAssociateRq(rq), expected)
  })

  test('of DCMTK with user identity', () => {
    const { userIdentity } = decodeAssociateRq(firstPdu('storescu-user.client.bin').body)
    assert.deepEqual(userIdentity, decoded.userIdentity)
  })

  const wrong: [string, string, string, string][] = [
    ['that ends within the fixed part', '00 01 00 00', 'truncated', 'Called-AE-title'],
    ['without application context', fixedPart + context1, 'missing-item', 'Application-context'],
    ['without presentation contexts', fixedPart + applicationContext, 'missing-item', 'Presentation-context'],
    [
      'with two application contexts',
      fixedPart + applicationContext + applicationContext + context1,
      'duplicate-item',
      'Application-context-name',
    ],
    [
      'with an even context id',
      fixedPart + applicationContext + context1.replace('01 ff ff ff', '02 00 00 00'),
      'invalid-value',
      'Presentation-context-ID',
    ],
    [
      'with a context id twice',
      fixedPart + applicationContext + context1 + context1,
      'duplicate-item',
      'Presentation-context-ID',
    ],
    [
      'with an item longer than what is left',
      `${fixedPart} 10 00 00 16 '1.2.840.10008.3.1.1.1'`,
      'overrun',
      'item 10H',
    ],
    [
      'with a sub-item that reaches into the next item',
      `${fixedPart}${applicationContext} 20 00 00 08 01 00 00 00 30 00 00 05 ${context1}`,
      'overrun',
      'item 30H',
    ],
    [
      'with a context without abstract syntax',
      `${fixedPart}${applicationContext} 20 00 00 09 01 00 00 00 40 00 00 01 '1'`,
      'missing-item',
      'Abstract-syntax',
    ],
    [
      'with a context without transfer syntax',
      `${fixedPart}${applicationContext} 20 00 00 09 01 00 00 00 30 00 00 01 '1'`,
      'missing-item',
      'Transfer-syntax',
    ],
    [
      'with a maximum length of two bytes',
      `${fixedPart}${applicationContext}${context1} 50 00 00 06 51 00 00 02 40 00`,
      'truncated',
      'Maximum-length-received',
    ],
    [
      'with a user name longer than its item',
      `${fixedPart}${applicationContext}${context1} 50 00 00 09 58 00 00 05 01 00 00 02 61`,
      'truncated',
      'Primary-field',
    ],
  ]
  for (const [what, text, code, field] of wrong) {
    test(`${what} is refused as ${code} of ${field}`, () => {
      assert.throws(() => decodeAssociateRq(bytes(text)), refusal(code, field))
    })
  }

  test('larger than a megabyte is refused before it is read', () => {
    assert.throws(() => decodeAssociateRq(Buffer.alloc((1 << 20) + 1)), refusal('too-large'))
  })

  test('is not encoded with what does not fit', () => {
    const long = '9'.repeat(70_000)
    assert.throws(() => encodeAssociateRq({ ...decoded, applicationContext: long }), refusal('too-large'))
    assert.throws(
      () => encodeAssociateRq({ ...decoded, calledAE: 'SEVENTEEN_LETTERS' }),
      refusal('too-large'),
    )
    assert.throws(() => encodeAssociateRq({ ...decoded, maxPduLength: -1 }), refusal('invalid-value'))
  })
})

describe('withAETitles', () => {
  const { whole } = firstPdu('storescu.client.bin')

  test('replaces the called AE title and nothing else', () => {
    const rewritten = withAETitles(whole, { calledAE: 'PACS2' })
    assert.equal(decodeAssociateRq(rewritten.subarray(6)).calledAE, 'PACS2')
    const back = withAETitles(rewritten, { calledAE: 'ARCHIVE' })
    assert.deepEqual(back, whole)
    assert.equal(decodeAssociateRq(whole.subarray(6)).calledAE, 'ARCHIVE', 'the original is left alone')
  })

  test('replaces the calling AE title, where PS3.8 §9.3.2 has it', () => {
    const rewritten = withAETitles(whole, { callingAE: 'LB' })
    assert.equal(rewritten.toString('latin1', 26, 42), 'LB'.padEnd(16))
    assert.deepEqual(rewritten.subarray(0, 26), whole.subarray(0, 26))
    assert.deepEqual(rewritten.subarray(42), whole.subarray(42))
  })

  for (const title of ['', '   ', 'SEVENTEEN_LETTERS', 'A\\B', 'A\tB', 'ÄRZTE', 'A\x7fB']) {
    test(`refuses ${JSON.stringify(title)}`, () => {
      const refused = (field: string) => refusal('invalid-value', field)
      assert.throws(() => withAETitles(whole, { calledAE: title }), refused('Called-AE-title'))
      assert.throws(() => withAETitles(whole, { callingAE: title }), refused('Calling-AE-title'))
    })
  }

  test('accepts 1 to 16 characters', () => {
    for (const title of ['A', 'SIXTEEN__LETTERS', 'A B']) {
      assert.equal(decodeAssociateRq(withAETitles(whole, { calledAE: title }).subarray(6)).calledAE, title)
    }
  })

  test('refuses another PDU and one that is cut', () => {
    assert.throws(() => withAETitles(encodeReleaseRq(), { calledAE: 'A' }), refusal('unexpected-pdu'))
    assert.throws(() => withAETitles(whole.subarray(0, 25), { calledAE: 'A' }), refusal('truncated'))
    assert.throws(() => withAETitles(whole.subarray(0, 41), { callingAE: 'A' }), refusal('truncated'))
  })
})

describe('A-ASSOCIATE-AC (PS3.8 §9.3.3)', () => {
  const accepted = `21 00 00 19 01 00 00 00 40 00 00 11 '1.2.840.10008.1.2'`

  test('is decoded item by item', () => {
    const ac = decodeAssociateAc(
      bytes(`${fixedPart}${applicationContext}${accepted}
        21 00 00 08 03 00 03 00 40 00 00 00        # context 3: abstract syntax not supported, empty item
        21 00 00 04 05 00 04 00                    # context 5: transfer syntaxes not supported, no item
        50 00 00 10 51 00 00 04 00 00 00 00 59 00 00 04 00 02 'ok'`),
    )
    assert.deepEqual(ac.presentationContexts, [
      { id: 1, result: 0, transferSyntax: '1.2.840.10008.1.2' },
      { id: 3, result: 3, transferSyntax: '' },
      { id: 5, result: 4, transferSyntax: '' },
    ])
    assert.equal(ac.maxPduLength, 0)
    assert.deepEqual(ac.userIdentityResponse, Buffer.from('ok'))
  })

  test('of DCMTK is decoded and encoded to the same bytes', () => {
    for (const name of ['storescu', 'echoscu', 'findscu', 'getscu']) {
      const { body, whole } = firstPdu(`${name}.server.bin`)
      assert.deepEqual(encodeAssociateAc(decodeAssociateAc(body)), whole, name)
    }
    const refused = decodeAssociateAc(firstPdu('findscu.server.bin').body)
    assert.equal(refused.presentationContexts[0]?.result, 3)
  })

  test('with a result above 4, or accepting without transfer syntax, is refused', () => {
    const start = fixedPart + applicationContext
    const unknownResult = bytes(`${start} 21 00 00 04 01 00 05 00`)
    assert.throws(() => decodeAssociateAc(unknownResult), refusal('invalid-value', 'Result'))
    const nothing = bytes(`${start} 21 00 00 04 01 00 00 00`)
    assert.throws(() => decodeAssociateAc(nothing), refusal('missing-item', 'Transfer-syntax'))
    assert.throws(() => decodeAssociateAc(bytes(start + accepted + accepted)), refusal('duplicate-item'))
  })
})

describe('A-ASSOCIATE-RJ, A-ABORT, A-RELEASE (PS3.8 §9.3.4, §9.3.6 to §9.3.8)', () => {
  test('rejections have the numbers of table 9-21', () => {
    assert.deepEqual(
      encodeAssociateRj(rejectReasons['called-ae-title-not-recognized']),
      bytes('03 00 00 00 00 04 00 01 01 07'),
    )
    assert.deepEqual(
      encodeAssociateRj(rejectReasons['local-limit-exceeded']),
      bytes('03 00 00 00 00 04 00 02 03 02'),
    )
    for (const reason of Object.values(rejectReasons)) {
      assert.deepEqual(decodeAssociateRj(encodeAssociateRj(reason).subarray(6)), reason)
    }
  })

  test('DCMTK refuses permanently, without a reason', () => {
    const { body } = firstPdu('refused.server.bin')
    assert.deepEqual(decodeAssociateRj(body), rejectReasons['no-reason-given'])
  })

  test('aborts have the numbers of table 9-26', () => {
    const reason = abortReasons['invalid-pdu-parameter-value']
    assert.deepEqual(encodeAbort(reason), bytes('07 00 00 00 00 04 00 00 02 06'))
    for (const each of Object.values(abortReasons)) {
      assert.deepEqual(decodeAbort(encodeAbort(each).subarray(6)), each)
    }
  })

  test('DCMTK aborts as service user', () => {
    const last = pdusOf(fixture('aborted.server.bin')).at(-1)
    assert.equal(last?.type, 7)
    assert.deepEqual(decodeAbort(last.body), abortReasons['service-user'])
  })

  test('release PDUs are those of DCMTK', () => {
    assert.deepEqual(pdusOf(fixture('storescu.client.bin')).at(-1)?.whole, encodeReleaseRq())
    assert.deepEqual(pdusOf(fixture('storescu.server.bin')).at(-1)?.whole, encodeReleaseRp())
    decodeRelease(encodeReleaseRp().subarray(6))
  })

  test('have four bytes, not three and not five', () => {
    for (const decode of [decodeAssociateRj, decodeAbort, decodeRelease]) {
      assert.throws(() => decode(Buffer.alloc(3)), refusal('truncated'))
      assert.throws(() => decode(Buffer.alloc(5)), refusal('trailing-bytes'))
    }
  })
})
