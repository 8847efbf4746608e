import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type AssociateRq,
  encodeAssociateRq,
  pduHeaderLength,
  readMessageHead,
} from '../../agent/dicom/index.ts'
import { associate } from '../../agent/steps/associate.ts'
import { dataset } from '../../agent/steps/dataset.ts'
import { instance } from '../../agent/steps/instance.ts'
import { element, item } from '../dicom/build.ts'
import { promise, request } from '../negotiation/support.ts'
import { rulesOf } from '../routing/support.ts'
import {
  CT_IMAGE,
  commandOnly,
  contexts,
  EXPLICIT,
  IMPLICIT,
  implicitDataset,
  storeRq,
} from '../support/messages.ts'
import { site, told } from './support.ts'

const FIND = '1.2.840.10008.5.1.4.1.2.2.1'
const withRules = (rules: string) => ({ ...site, ruleSet: rulesOf({ 'r.yaml': rules }) })
const ofWhen = (when: string) => withRules(`rules: [{ name: R, when: { ${when} }, route: a }]\ndefault: b\n`)

function ask(decided: typeof site, rq: AssociateRq) {
  const body = encodeAssociateRq(rq).subarray(pduHeaderLength)
  const answer = associate(decided, rq, body, told())
  return answer.path === 'direct' ? answer.backend : answer.path
}

describe('an association is judged by', () => {
  const rq = request({
    presentationContexts: [
      { id: 1, abstractSyntax: CT_IMAGE, transferSyntaxes: [IMPLICIT] },
      { id: 3, abstractSyntax: FIND, transferSyntaxes: [IMPLICIT, EXPLICIT] },
    ],
  })
  const table: [when: string, backend: string][] = [
    ['transferSyntax: Explicit VR Little Endian', 'a'],
    ['transferSyntax: RLE Lossless', 'b'],
    ['implementation: 1.2.3.4', 'a'],
    ['implementation: TEST', 'a'],
    ['implementation: { is: test, ignoreCase: true }, sopClass: { contains: "- FIND" }', 'a'],
    ['time: { days: [wed], from: "12:00", zone: UTC }', 'a'],
    ['time: { days: [thu], zone: UTC }', 'b'],
    ['dimse: C-FIND', 'delayed'],
    ['callingAE: X, dimse: C-FIND', 'b'],
  ]
  for (const [when, backend] of table) test(when, () => assert.equal(ask(ofWhen(when), rq), backend))

  test('no implementation, where the client does not say', () => {
    const silent = request({ implementationClassUid: '', implementationVersionName: '' })
    assert.equal(ask(ofWhen('implementation: { exists: false }'), silent), 'a')
  })

  test('the command that its only service has, without delay', () => {
    assert.equal(ask(ofWhen('dimse: C-STORE'), request()), 'a')
    assert.equal(ask(ofWhen('dimse: C-FIND'), request({ presentationContexts: contexts([FIND]) })), 'a')
  })
})

describe('the first command', () => {
  const decided = withRules(`rules:
  - { name: queries, when: { dimse: C-FIND }, route: q }
  - { name: CT, when: { dimse: C-STORE, Modality: CT }, route: ct }
default: b
`)
  const rq = request({ presentationContexts: contexts([CT_IMAGE, FIND]) })
  const promised = promise(rq, [{}])
  const image = readMessageHead(storeRq(implicitDataset({ '00080060': 'CT' })))

  test('decides when it has come', () => {
    const bind = (head: ReturnType<typeof readMessageHead>) => {
      const answer = dataset(decided, rq, promised, head, told())
      return 'backend' in answer ? answer.backend : answer.refusal
    }
    assert.equal(bind(readMessageHead(commandOnly(0x20, { contextId: 3, sopClass: FIND }))), 'q')
    assert.equal(bind(image), 'ct')
    assert.equal(bind(readMessageHead(commandOnly(0x130))), 'b')
    assert.equal(bind(readMessageHead(commandOnly(0x8001))), 'b')
  })

  test('does not take a later C-STORE along', () => {
    const later = instance(decided.ruleSet, rq, promised, image, told(), {
      bound: 'q',
      boundBy: 'queries',
      mixed: 'refuse',
    })
    assert.deepEqual(later, {
      verdict: 'refuse',
      rule: 'CT',
      refusal: 'other-pool',
      pool: 'ct',
      headBytes: 10,
    })
  })
})

describe('conditions on the bytes of', () => {
  const uint16 = (...values: number[]) => Buffer.from(new Uint16Array(values).buffer)
  const table: [vr: string, when: string, bytes: Buffer][] = [
    ['CS', 'Modality: { not: MR, startsWith: C }', element(0x00080060, 'CS', 'CT')],
    [
      'CS, several',
      'ImageType: { is: [LOCALIZER], exists: true }',
      element(0x00080008, 'CS', 'ORIGINAL\\LOCALIZER'),
    ],
    ['DA', 'StudyDate: { gte: "2024", lt: "2024-02-01" }', element(0x00080020, 'DA', '20240131')],
    ['TM', 'StudyTime: { gte: "07:30" }', element(0x00080030, 'TM', '073000.123 ')],
    [
      'DT',
      'AcquisitionDateTime: { lt: "2024-01-31 08:00" }',
      element(0x0008002a, 'DT', '20240131073000+0100'),
    ],
    ['AS', 'PatientAge: { gte: 18Y }', element(0x00101010, 'AS', '018Y')],
    ['DS', 'SliceThickness: { lte: 1.25 }', element(0x00180050, 'DS', ' 1.25 ')],
    ['IS', 'InstanceNumber: { gt: 6 }', element(0x00200013, 'IS', '7 ')],
    ['US', 'Rows: { gte: 512 }', element(0x00280010, 'US', uint16(512))],
    ['SS', 'SmallestImagePixelValue: { lt: 0 }', element(0x00280106, 'SS', uint16(0xffff))],
    [
      'FD',
      'TimeRange: { lt: 0.5 }',
      element(0x00081163, 'FD', Buffer.from(new Float64Array([0.25, 9]).buffer)),
    ],
    ['PN', 'PatientName: Yamada*', element(0x00100010, 'PN', 'X^Y=Yamada^Tarou')],
    [
      'SQ',
      'RequestAttributesSequence: { gte: 2 }',
      element(0x00400275, 'SQ', Buffer.concat([item(), item()])),
    ],
    [
      'SQ, within',
      'RequestAttributesSequence.ScheduledProcedureStepID: { matches: "^S[12]$" }',
      element(0x00400275, 'SQ', item(element(0x00400009, 'SH', 'S2'))),
    ],
    ['nothing', 'Modality: { exists: false }', element(0x00080060, 'CS', '')],
  ]
  const rq = request({ presentationContexts: contexts([CT_IMAGE], [EXPLICIT]) })
  for (const [vr, when, bytes] of table) {
    test(vr, () => {
      const answer = dataset(ofWhen(when), rq, promise(rq, [{}]), readMessageHead(storeRq(bytes)), told())
      assert.ok('backend' in answer)
      assert.equal(answer.backend, 'a')
    })
  }
})
