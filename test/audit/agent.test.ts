// The balancer with an rsyslog that takes audit messages over TLS.

import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import { sum } from '../metrics/support.ts'
import { type Balancer, metricsText, startBalancer } from '../support/balancer.ts'
import { type Certificates, makeCertificates } from '../support/certificates.ts'
import { associate } from '../support/client.ts'
import { image, releaseRq, storeRq } from '../support/messages.ts'
import { type Pacs, startPacs } from '../support/pacs.ts'
import { lineOfPatient } from '../support/patients.ts'
import { type Received, type Rsyslog, startRsyslog } from './rsyslog.ts'
import { detailOf, textOf, validate } from './xmllint.ts'

const rules = `
rules:
  - { name: strangers, when: { callingAE: EVIL }, reject: calling-ae-title-not-recognized }
  - { name: nobody, when: { Modality: XX }, reject: no-reason-given }
  - { name: down, when: { callingAE: LATE }, route: none }
  # what differs in an attribute that a rule looks at is asked about
  - { name: CT, when: { Modality: CT, StudyInstanceUID: "*" }, route: ct }
`

describe('the audit messages of a balancer', { timeout: 60_000 }, () => {
  let certificates: Certificates
  let pacs: Pacs
  before(async () => {
    certificates = makeCertificates()
    certificates.authority('ca')
    certificates.certificate('server', 'ca', 'localhost')
    certificates.certificate('agent', 'ca')
    pacs = await startPacs()
  })
  after(async () => {
    await pacs.stop()
    certificates.remove()
  })

  async function begin(t: TestContext, env: Record<string, string>) {
    const rsyslog = await startRsyslog(certificates)
    t.after(() => rsyslog.stop())
    const balancer = await startBalancer({
      rules,
      pools: { ct: [{ name: 'CT', port: pacs.port }] },
      agents: 1,
      env: {
        AUDIT_SYSLOG: `tls://localhost:${rsyslog.tlsPort}`,
        AUDIT_CA: certificates.at('ca.crt'),
        AUDIT_CERT: certificates.at('agent.pem'),
        ...env,
      },
    })
    // where the test does not come so far
    t.after(() => balancer.stop().catch(() => {}))
    return { balancer, rsyslog }
  }

  /** Sends images in an association, as far as it comes. */
  async function send(balancer: Balancer, callingAE: string, ...images: Parameters<typeof image>[0][]) {
    const { peer, ac } = await associate(balancer, { callingAE })
    for (const each of ac ? images : []) {
      peer.send(storeRq(image(each)))
      await peer.receive()
    }
    peer.send(releaseRq)
    await peer.rest()
    peer.close()
  }

  /** Everything that a stopped balancer has told, in brief; each message is valid, and from its agent. */
  async function told({ received }: Rsyslog, { agents: [agent] }: Balancer, count: number) {
    const messages = await received(count)
    for (const { xml, pid, app, msgId } of messages) {
      validate(xml)
      assert.deepEqual([pid, app, msgId], [String(agent?.pid), 'dicom-load-balancer', 'DICOM+RFC3881'])
    }
    return messages.map(brief)
  }

  function brief({ pri, xml }: Received): string {
    const code = (name: string) => textOf(xml, `//${name}/@originalText`)
    const peer = textOf(xml, '//@AlternativeUserID')
    const objects = '//ParticipantObjectIdentification'
    const ids = [1, 2].map(index => textOf(xml, `${objects}[${index}]/@ParticipantObjectID`))
    return [pri, code('EventTypeCode') || code('EventID'), peer, ...ids].join(' ').trim()
  }

  test('tell of start and stop, of whom a rule has refused and why, and of no patient', async t => {
    const { balancer, rsyslog } = await begin(t, {})
    await send(balancer, 'EVIL')
    await send(balancer, 'CT_1', { patientId: 'P-71', study: '1.2.71' })
    await send(balancer, 'CT_2', { modality: 'XX', patientId: 'P-72', study: '1.2.72' })
    // refused as well, but for want of a pool
    await send(balancer, 'LATE')
    await rsyslog.received(3)
    const [agent] = balancer.agents
    assert.ok(agent)
    assert.equal(sum(await metricsText(agent), 'dicom_lb_audit_messages_total', { delivery: 'sent' }), 3)
    await balancer.stop()
    assert.deepEqual(await told(rsyslog, balancer, 4), [
      '85 Application Start',
      '84 Node Authentication AETITLES=EVIL 127.0.0.1',
      '84 Node Authentication AETITLES=CT_2 127.0.0.1',
      '85 Application Stop',
    ])
    const messages = await rsyslog.received(4)
    const why = messages.slice(1, 3).map(({ xml }) => detailOf(xml, 'Alert Description'))
    assert.match(
      why[0] ?? '',
      /^association [\w-]+: refused \(calling-ae-title-not-recognized\), rule "strangers"$/,
    )
    assert.match(why[1] ?? '', /^association [\w-]+: refused \(no-reason-given\), rule "nobody"$/)
    assert.equal(lineOfPatient([...why, ...messages.map(({ xml }) => xml)].join('\n')), undefined)
  })

  test('tell of the studies that begin to go to a pool, and their patients, where that is asked for', async t => {
    const { balancer, rsyslog } = await begin(t, { AUDIT_TRANSFERS: 'true' })
    const one = { patientId: 'P-81', study: '1.2.81' }
    await send(balancer, 'CT_1', one, one, { patientId: 'P-82', study: '1.2.82' })
    await send(balancer, 'CT_2', { modality: 'XX', patientId: 'P-83', study: '1.2.83' })
    await balancer.stop()
    assert.deepEqual(await told(rsyslog, balancer, 5), [
      '85 Application Start',
      '85 Begin Transferring DICOM Instances AETITLES=CT_1 1.2.81 P-81',
      '85 Begin Transferring DICOM Instances AETITLES=CT_1 1.2.82 P-82',
      '84 Node Authentication AETITLES=CT_2 127.0.0.1',
      '85 Application Stop',
    ])
  })
})
