import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type AssociateRq,
  decodeAssociateRj,
  decodeAssociateRq,
  encodeAssociateRq,
  pduHeaderLength,
  readMessageHead,
} from '../../agent/dicom/index.ts'
import type { Site, Told } from '../../agent/steps/answer.ts'
import { associate } from '../../agent/steps/associate.ts'
import { dataset } from '../../agent/steps/dataset.ts'
import { instance } from '../../agent/steps/instance.ts'
import { request } from '../negotiation/support.ts'
import { rulesOf } from '../routing/support.ts'
import { implicitDataset, storeRq } from '../support/messages.ts'
import { promised, told } from './support.ts'

const rules = `
undecided: quarantine
pools:
  main: { calledAE: MAIN }
  fallback: { calledAE: FALLBACK, callingAE: LB }
  quarantine: { callingAE: LB_Q }
rules:
  - { name: later, when: { callingAE: LATER }, reject: { reason: no-reason-given, transient: true } }
  - { name: never, when: { callingAE: NEVER }, reject: { reason: local-limit-exceeded, transient: false } }
  - { name: direct, when: { calledAE: DIRECT }, route: [main, fallback] }
  - { name: turns, when: { calledAE: TURNS }, route: { fallback: 1, quarantine: 1 } }
  - { name: CT, when: { Modality: CT }, route: [main, fallback] }
  - { name: MR, when: { Modality: MR }, route: fallback }
  - { name: CR, when: { Modality: CR }, route: { new: 1, old: 1 }, stick: [PatientID, IssuerOfPatientID] }
`
const site: Site = { ruleSet: rulesOf({ 'rules.yaml': rules }), stickSecret: 'secret' }

function askAssociate(rq: Partial<AssociateRq>, more: Partial<Told> = {}) {
  const body = encodeAssociateRq(request(rq)).subarray(pduHeaderLength)
  return associate(site, decodeAssociateRq(body), body, { ...told(), ...more })
}

const headOf = (elements: Record<string, string>, last = true) =>
  readMessageHead(storeRq(implicitDataset(elements), { last }))
const modality = (value: string, patient = 'P1') => headOf({ '00080060': value, '00100020': patient })

function askDataset(head: ReturnType<typeof headOf>, more: Partial<Told> = {}) {
  const answer = dataset(site, request(), promised, head, { ...told(), ...more })
  assert.ok('backend' in answer, JSON.stringify(answer))
  const offered = decodeAssociateRq((answer.offer ?? Buffer.alloc(0)).subarray(pduHeaderLength))
  return { ...answer, called: offered.calledAE, calling: offered.callingAE }
}

describe('associate', () => {
  test('takes the first pool of a list that is live, and has the AE titles of that', () => {
    const rq = { calledAE: 'DIRECT', callingAE: 'CT1' }
    const table: [live: string[] | undefined, backend: string, called: string, calling: string][] = [
      [undefined, 'main', 'MAIN', 'CT1'],
      [['main', 'fallback'], 'main', 'MAIN', 'CT1'],
      [['fallback'], 'fallback', 'FALLBACK', 'LB'],
      [[], 'main', 'MAIN', 'CT1'],
    ]
    for (const [live, backend, calledAE, callingAE] of table) {
      const answer = askAssociate(rq, { live })
      assert.ok(answer.path === 'direct')
      assert.equal(answer.backend, backend)
      assert.deepEqual(answer.offer, encodeAssociateRq(request({ calledAE, callingAE })))
    }
  })

  test('by weights takes a pool by the id of the association, and has the calling AE title of that', () => {
    const backends = new Set<string>()
    for (let id = 0; id < 20; id++) {
      const answer = askAssociate({ calledAE: 'TURNS' }, { id: `${id}` })
      assert.ok(answer.path === 'direct')
      backends.add(answer.backend)
      const callingAE = answer.backend === 'fallback' ? 'LB' : 'LB_Q'
      const offered = decodeAssociateRq((answer.offer ?? Buffer.alloc(0)).subarray(pduHeaderLength))
      assert.equal(offered.callingAE, callingAE)
      assert.deepEqual(askAssociate({ calledAE: 'TURNS' }, { id: `${id}` }), answer)
    }
    assert.deepEqual([...backends].sort(), ['fallback', 'quarantine'])
  })

  test('rejects as transient or permanent where a rule says so', () => {
    const table = [
      ['LATER', { result: 2, source: 1, reason: 1 }, 'no-reason-given'],
      ['NEVER', { result: 1, source: 3, reason: 2 }, 'local-limit-exceeded'],
    ] as const
    for (const [callingAE, expected, refusal] of table) {
      const answer = askAssociate({ callingAE })
      assert.ok(answer.path === 'refused')
      assert.equal(answer.refusal, refusal)
      assert.deepEqual(decodeAssociateRj(answer.answer.subarray(pduHeaderLength)), expected)
    }
  })
})

describe('dataset', () => {
  test('takes the first pool of a list that is live, and has the AE titles of that', () => {
    const main = askDataset(modality('CT'), { live: ['main', 'fallback'] })
    assert.deepEqual([main.backend, main.called, main.calling], ['main', 'MAIN', 'SCU'])
    const fallback = askDataset(modality('CT'), { live: ['fallback'] })
    assert.deepEqual([fallback.backend, fallback.called, fallback.calling], ['fallback', 'FALLBACK', 'LB'])
  })

  test('takes what stays unknown where the rules say, with nothing to stick to', () => {
    const { rule, backend, key, calling } = askDataset(headOf({ '00080016': '1.2' }, false))
    assert.deepEqual([rule, backend, key, calling], ['undecided', 'quarantine', undefined, 'LB_Q'])
  })

  test('has one key for one patient of one issuer', () => {
    const key = (patient: string, issuer?: string) =>
      askDataset(headOf({ '00080060': 'CR', '00100020': patient, ...(issuer ? { '00100021': issuer } : {}) }))
        .key
    assert.match(key('P1', 'A') ?? '', /^[\w-]{43}$/)
    assert.equal(key('P1', 'A'), key('P1', 'A'))
    const keys = [key('P1', 'A'), key('P1', 'B'), key('P2', 'A'), key('P1A'), key('P1'), key('', 'P1')]
    assert.equal(new Set(keys).size, keys.length)
    assert.equal(key(''), undefined)
  })
})

describe('instance', () => {
  const judge = (head: ReturnType<typeof headOf>, bound: string, boundBy: string, live: string[]) => {
    const { verdict, pool } = instance(
      site.ruleSet,
      request(),
      promised,
      head,
      { ...told(), live },
      {
        bound,
        boundBy,
        mixed: 'refuse',
      },
    )
    return [verdict, pool]
  }
  const all = ['main', 'fallback', 'new', 'old', 'quarantine']

  test('passes by the rule that bound the association to a fallback, when the main pool is back', () => {
    assert.deepEqual(judge(modality('CT'), 'fallback', 'CT', all), ['pass', 'main'])
  })

  test('passes by the rule that bound it to the main pool, when that is gone', () => {
    assert.deepEqual(judge(modality('CT'), 'main', 'CT', ['fallback']), ['pass', 'fallback'])
  })

  test('passes by another rule to the pool that is chosen now, and to no other', () => {
    assert.deepEqual(judge(modality('CT'), 'fallback', 'MR', ['fallback']), ['pass', 'fallback'])
    assert.deepEqual(judge(modality('CT'), 'fallback', 'MR', all), ['refuse', 'main'])
    assert.deepEqual(judge(modality('MR'), 'fallback', 'CT', all), ['pass', 'fallback'])
    assert.deepEqual(judge(modality('MR'), 'main', 'CT', all), ['refuse', 'fallback'])
  })

  test('passes by a rule with weights whatever patient it is of, if that rule bound the association', () => {
    for (const patient of ['P1', 'P2', 'P3', 'P4', 'P5', 'P6']) {
      const head = modality('CR', patient)
      const { backend } = askDataset(head)
      const other = backend === 'new' ? 'old' : 'new'
      assert.deepEqual(judge(head, other, 'CR', all), ['pass', backend])
      assert.deepEqual(judge(head, other, 'MR', all), ['refuse', backend])
    }
  })

  test('passes where it stays unknown to the pool for that, and to no other', () => {
    const head = headOf({ '00080016': '1.2' }, false)
    assert.deepEqual(judge(head, 'quarantine', 'undecided', all), ['pass', 'quarantine'])
    assert.deepEqual(judge(head, 'main', 'CT', all), ['refuse', 'quarantine'])
  })
})
