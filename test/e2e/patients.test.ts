import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, describe, type TestContext, test } from 'node:test'
import { samples } from '../../dicom-samples/samples.ts'
import { type Balancer, startBalancer } from '../support/balancer.ts'
import { waitUntil } from '../support/haproxy.ts'
import { associateRq, image, releaseRq, storeRq } from '../support/messages.ts'
import { type Pacs, startPacs } from '../support/pacs.ts'
import { lineOfPatient, patientsOfSamples, refusePatients } from '../support/patients.ts'
import { Peer } from '../support/peer.ts'

describe('the check of all logs for patients', () => {
  test('knows those of every sample: by name and its parts, number and date of birth', () => {
    for (const { study, file } of samples) {
      const { id, name, birthDate } = study.patient
      for (const value of [id, name, birthDate, ...name.split(/[\^=]/)].filter(({ length }) => length > 1)) {
        for (const line of [`{"x":"${value}"}`, `rule="x" of ${value}.`, `x=${value}`]) {
          assert.equal(lineOfPatient(`one\n${line}\nthree`), line, `${file}: ${value}`)
        }
      }
    }
    const uids = [...patientsOfSamples()].filter(value => value.startsWith('2.25.'))
    assert.ok(uids.length >= samples.length)
    for (const uid of uids) assert.ok(lineOfPatient(`study ${uid}, refused`))
  })

  test('knows those that a test sends, and takes nothing for them that only looks alike', () => {
    storeRq(image({ patientId: 'P-77', study: '1.2.77' }), { sopInstance: '1.3.77' })
    for (const line of ['"P-77"', 'P-77 refused', '1.2.77', 'of 1.3.77.'])
      assert.equal(lineOfPatient(line), line)
    for (const line of ['TMP-77', 'P-778', '127.1.2.77', '1.2.77.1'])
      assert.equal(lineOfPatient(line), undefined)
  })
})

describe('the logs of a balancer', { timeout: 60_000 }, () => {
  const secret = 'a secret of the site'
  let pacs: Pacs
  before(async () => {
    pacs = await startPacs()
  })
  after(() => pacs?.stop())

  async function begin(t: TestContext, env: Record<string, string> = {}): Promise<Balancer> {
    const balancer = await startBalancer({
      // what differs in an attribute that a rule looks at is asked about
      rules: 'rules: [{ name: CT, when: { Modality: CT, PatientID: "*" }, route: ct, stick: PatientID }]',
      pools: { ct: [{ name: 'CT', port: pacs.port }] },
      env,
    })
    // where the test does not come so far
    t.after(() => balancer.stop().catch(() => {}))
    return balancer
  }

  async function send({ port, logLine }: Balancer, callingAE: string, patientIds: readonly string[]) {
    const peer = await Peer.connect(port)
    peer.send(associateRq({ callingAE }))
    await peer.receive()
    for (const [index, patientId] of patientIds.entries()) {
      peer.send(storeRq(image({ patientId, study: `1.2.${index}` })))
      assert.ok(await peer.receive())
    }
    peer.send(releaseRq)
    await peer.rest()
    peer.close()
    return logLine(callingAE)
  }

  /** What the agents have logged, of three steps, about the association of this line of HAProxy's. */
  async function decisions(
    { agents }: Balancer,
    line: string,
  ): Promise<{ step: string; patient?: string }[]> {
    const [, id = ''] = line.split(' ')
    const lines = () =>
      agents.flatMap(agent => agent.output().split('\n')).filter(text => text.includes(`"${id}"`))
    await waitUntil(() => lines().length === 3)
    return lines().map(text => JSON.parse(text))
  }

  test('have the same id, and tell of no patient', async t => {
    const balancer = await begin(t)
    const told = await decisions(balancer, await send(balancer, 'SCU', ['SECRET-1', 'SECRET-2']))
    assert.deepEqual(told.map(({ step }) => step).sort(), ['associate', 'dataset', 'instance'])
    assert.ok(told.every(({ patient }) => patient === undefined))
    await balancer.stop()
  })

  test('tell patients apart by a keyed hash, if a secret is set, and still of none', async t => {
    const balancer = await begin(t, { LOG_PATIENT_SECRET: secret })
    const told = await decisions(balancer, await send(balancer, 'SCU', ['SECRET-1', 'SECRET-2']))
    const hash = (id: string) => createHmac('sha256', secret).update(id).digest('hex')
    const patients = Object.fromEntries(told.map(({ step, patient }) => [step, patient]))
    assert.deepEqual(patients, {
      associate: undefined,
      dataset: hash('SECRET-1'),
      instance: hash('SECRET-2'),
    })
    assert.doesNotMatch(balancer.haproxy.log(), new RegExp(hash('SECRET-1')))
    await balancer.stop()
  })

  test('fail a test that finds a patient in them', async t => {
    const balancer = await begin(t)
    // by an AE title, which all logs have
    await send(balancer, samples[0]?.study.patient.id ?? '', ['P-1'])
    await assert.rejects(balancer.stop(), /^Error: the log of HAProxy tells of a patient: .* calling="/)
    const [agents] = balancer.agents
      .map(agent => agent.output())
      .filter(output => output.includes('"calling"'))
    assert.throws(() => refusePatients({ agents: agents ?? '' }), /^Error: the log of agents .*"calling":"/)
  })
})
