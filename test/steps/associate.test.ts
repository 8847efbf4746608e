import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type AssociateRq,
  decodeAssociateAc,
  decodeAssociateRj,
  decodeAssociateRq,
  encodeAssociateRq,
  pduHeaderLength,
  rejectReasons,
} from '../../agent/dicom/index.ts'
import type { Told } from '../../agent/steps/answer.ts'
import { associate } from '../../agent/steps/associate.ts'
import { request } from '../negotiation/support.ts'
import { contexts, VERIFICATION } from '../support/messages.ts'
import { site, told } from './support.ts'

function ask(rq: Partial<AssociateRq>, source = '203.0.113.1', more: Partial<Told> = {}) {
  const body = encodeAssociateRq(request(rq)).subarray(pduHeaderLength)
  return associate(site, decodeAssociateRq(body), body, { ...told(source), ...more })
}

const verifying = { presentationContexts: contexts([VERIFICATION]) }
const role = { sopClass: '1.2.840.10008.5.1.4.1.1.2', scu: true, scp: true }
const identity = {
  type: 1,
  positiveResponseRequested: true,
  primary: Buffer.from('ann'),
  secondary: Buffer.alloc(0),
}

describe('associate, where the rules need no dataset', () => {
  const table: [subject: string, rq: Partial<AssociateRq>, source: string, rule: string, backend: string][] =
    [
      ['by AE title', { calledAE: 'ARCH' }, '', 'archive', 'archive'],
      ['by network', {}, '10.9.8.7', 'sites', 'general'],
      ['by mapped network', {}, '::ffff:10.9.8.7', 'sites', 'general'],
      ['no Storage SOP class: rules on datasets do not hold', verifying, '', 'queries', 'general'],
      [
        'roles and identity are passed on',
        { calledAE: 'ARCH', roles: [role], userIdentity: identity },
        '',
        'archive',
        'archive',
      ],
    ]
  for (const [subject, rq, source, rule, backend] of table) {
    test(subject, () => {
      const answer = ask(rq, source)
      assert.ok(answer.path === 'direct')
      assert.deepEqual([answer.rule, answer.backend], [rule, backend])
    })
  }

  test('only the called AE title changes, and only where the pool wants another', () => {
    const rq = encodeAssociateRq(request({ calledAE: 'ARCH' }))
    const answer = ask({ calledAE: 'ARCH' })
    assert.ok(answer.path === 'direct' && answer.offer)
    const expected = Buffer.from(rq)
    expected.write('ARCHIVE'.padEnd(16), 10)
    assert.deepEqual(answer.offer, expected)

    const untouched = ask({}, '10.0.0.1')
    assert.ok(untouched.path === 'direct')
    assert.equal(untouched.offer, undefined)
  })

  test('the key is a hash that depends on the value and on the secret, and there is none without value', () => {
    const key = (callingAE: string, stickSecret = site.stickSecret) => {
      const body = encodeAssociateRq(request({ calledAE: 'ARCH', callingAE })).subarray(pduHeaderLength)
      const answer = associate({ ...site, stickSecret }, decodeAssociateRq(body), body, told())
      assert.ok(answer.path === 'direct')
      return answer.key
    }
    assert.match(key('SCU') ?? '', /^[\w-]{43}$/)
    assert.equal(key('SCU'), key('SCU'))
    assert.notEqual(key('SCU'), key('SCU2'))
    assert.notEqual(key('SCU'), key('SCU', 'another secret'))
    assert.equal(key(''), undefined)
  })
})

describe('associate, where a rule waits for the dataset', () => {
  test('promises what all pools accept that can still come of it', () => {
    const answer = ask({})
    assert.ok(answer.path === 'delayed')
    assert.equal(answer.waitsFor, 'CT')
    const ac = decodeAssociateAc(answer.promise.subarray(pduHeaderLength))
    assert.deepEqual(ac.presentationContexts, [{ id: 1, result: 0, transferSyntax: '1.2.840.10008.1.2' }])
    // ct 65536, general unlimited
    assert.equal(ac.maxPduLength, 65536)
  })

  const refused: [subject: string, rq: Partial<AssociateRq>, rule: string, refusal: string][] = [
    ['not where the client asks for the SCP role', { roles: [role] }, 'CT', 'not-delayable'],
    ['not where the PACS must answer who the client is', { userIdentity: identity }, 'CT', 'not-delayable'],
    ['not where all that can come of it is a refusal', { calledAE: 'REFUSING' }, 'only refused', 'no-rule'],
  ]
  for (const [subject, rq, rule, refusal] of refused) {
    test(subject, () => {
      const answer = ask(rq)
      assert.ok(answer.path === 'refused')
      assert.deepEqual([answer.rule, answer.refusal], [rule, refusal])
      assert.deepEqual(
        decodeAssociateRj(answer.answer.subarray(pduHeaderLength)),
        rejectReasons['no-reason-given'],
      )
    })
  }
})

describe('associate refuses', () => {
  const table: [
    subject: string,
    rq: Partial<AssociateRq>,
    rule: string | undefined,
    refusal: string,
    reason: keyof typeof rejectReasons,
  ][] = [
    [
      'by rule, with its reason',
      { callingAE: 'EVIL' },
      'unwanted',
      'calling-ae-title-not-recognized',
      'calling-ae-title-not-recognized',
    ],
    ['what no rule matches', { calledAE: 'NOBODY' }, undefined, 'no-rule', 'no-reason-given'],
    [
      'another protocol version',
      { protocolVersion: 2 },
      undefined,
      'protocol-version-not-supported',
      'protocol-version-not-supported',
    ],
    [
      'another application context',
      { applicationContext: '1.2.3' },
      undefined,
      'application-context-name-not-supported',
      'application-context-name-not-supported',
    ],
  ]
  for (const [subject, rq, rule, refusal, reason] of table) {
    test(subject, () => {
      const answer = ask(rq)
      assert.ok(answer.path === 'refused')
      assert.deepEqual([answer.rule, answer.refusal], [rule, refusal])
      assert.deepEqual(decodeAssociateRj(answer.answer.subarray(pduHeaderLength)), rejectReasons[reason])
    })
  }

  test('no protocol version that has bit 0 set, whatever else it has (PS3.8 §9.3.2)', () => {
    assert.equal(ask({ calledAE: 'ARCH', protocolVersion: 0xffff }).path, 'direct')
  })
})
