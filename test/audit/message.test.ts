import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { applicationActivity, beginTransferring, nodeAuthenticationAlert } from '../../agent/audit/message.ts'
import { detailOf, textOf, validate } from './xmllint.ts'

const reporter = { host: 'lb', pid: 4711 }
const at = new Date('2026-05-04T08:12:40.604Z')
const peer = { address: '10.1.2.3', aeTitle: 'CT_1', commonName: 'ct1.example' }
const transfer = {
  from: peer,
  pool: 'ct',
  studyUid: '1.2.3.4',
  sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
  patientId: 'P-1',
  patientName: 'Yamada^Tarou=山田^太郎',
}

/** Each XPath of the table must have its value. */
function assertValues(xml: string, table: Readonly<Record<string, string>>): void {
  const found = Object.keys(table).map(xpath => [xpath, textOf(xml, xpath)])
  assert.deepEqual(Object.fromEntries(found), table)
}

describe('audit messages conform to the schema of PS3.15, and tell', () => {
  test('who has reported what, and when', () => {
    const xml = applicationActivity(reporter, at, 'start')
    validate(xml)
    assertValues(xml, {
      '//EventIdentification/@EventActionCode': 'E',
      '//EventIdentification/@EventDateTime': '2026-05-04T08:12:40.604Z',
      '//EventIdentification/@EventOutcomeIndicator': '0',
      '//EventID/@csd-code': '110100',
      '//EventTypeCode/@csd-code': '110120',
      '//ActiveParticipant/@UserID': '4711',
      '//ActiveParticipant/@NetworkAccessPointID': 'lb',
      '//RoleIDCode/@csd-code': '110150',
      '//AuditSourceIdentification/@AuditSourceID': 'dicom-load-balancer@lb',
    })
  })

  test('that an agent has stopped', () => {
    const xml = applicationActivity(reporter, at, 'stop')
    validate(xml)
    assertValues(xml, { '//EventTypeCode/@csd-code': '110121' })
  })

  test('whom the rules have refused, and why', () => {
    const why = 'association id-1: refused (no-rule), no rule lets it in'
    const xml = nodeAuthenticationAlert(reporter, at, peer, why)
    validate(xml)
    assertValues(xml, {
      '//EventID/@csd-code': '110113',
      '//EventTypeCode/@csd-code': '110126',
      '//EventIdentification/@EventOutcomeIndicator': '4',
      '//ActiveParticipant[1]/@UserID': '4711',
      '//ActiveParticipant[2]/@UserID': '10.1.2.3',
      '//ActiveParticipant[2]/@AlternativeUserID': 'AETITLES=CT_1',
      '//ActiveParticipant[2]/@UserName': 'ct1.example',
      '//ActiveParticipant[2]/@UserIsRequestor': 'false',
      '//ActiveParticipant[2]/@NetworkAccessPointTypeCode': '2',
      '//ParticipantObjectIDTypeCode/@csd-code': '110182',
      '//ParticipantObjectIdentification/@ParticipantObjectID': '10.1.2.3',
    })
    assert.equal(detailOf(xml, 'Alert Description'), why)
  })

  test('whose images begin to go where', () => {
    const xml = beginTransferring(reporter, at, transfer)
    validate(xml)
    assertValues(xml, {
      '//EventID/@csd-code': '110102',
      '//ActiveParticipant[RoleIDCode/@csd-code="110153"]/@UserID': '10.1.2.3',
      '//ActiveParticipant[RoleIDCode/@csd-code="110152"]/@UserID': 'ct',
      '//ParticipantObjectIdentification[1]/@ParticipantObjectID': '1.2.3.4',
      '//ParticipantObjectIdentification[2]/@ParticipantObjectID': 'P-1',
      '//ParticipantObjectIdentification[2]/ParticipantObjectName': 'Yamada^Tarou=山田^太郎',
    })
    assert.equal(detailOf(xml, 'ContainsSOPClass'), transfer.sopClassUid)
  })
})

test('no text that a client chooses makes a message that is no XML, or has other elements', () => {
  const hostile = '"/><EventID>&amp;<!-- ]]> \0\x01\n\r\t\x7f\ud800\uffff\u{1f480}é'
  const harmless = '"/><EventID>&amp;<!-- ]]> ????????\u{1f480}é'
  const from = { address: hostile, aeTitle: hostile, commonName: hostile }
  const alert = nodeAuthenticationAlert(reporter, at, from, hostile)
  const begin = beginTransferring(reporter, at, {
    ...transfer,
    from,
    patientId: hostile,
    patientName: hostile,
  })
  for (const xml of [alert, begin]) {
    validate(xml)
    assert.doesNotMatch(xml, /\p{Cc}/u)
    assert.equal(textOf(xml, '//ActiveParticipant[@UserName]/@UserName'), harmless)
  }
  assert.equal(textOf(begin, '//ParticipantObjectName[text()]'), harmless)
})
