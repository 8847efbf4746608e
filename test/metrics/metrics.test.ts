import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { SpoeError, SpopError, Status } from 'haproxy-spoe'
import type { Answered } from '../../agent/decisions.ts'
import { readMessageHead } from '../../agent/dicom/index.ts'
import { createMetrics } from '../../agent/metrics.ts'
import { request } from '../negotiation/support.ts'
import { badFile, folderOf, start } from '../reload/support.ts'
import { promised, told } from '../steps/support.ts'
import { implicitDataset, storeRq } from '../support/messages.ts'
import { declaredIn, samplesIn, sum } from './support.ts'

const ruleFile = (...names: string[]) =>
  `rules:\n${names.map(name => `  - { name: "${name}", when: { callingAE: "${name}" }, route: pool-${name} }\n`).join('')}`

/** A value, and the labels beside it. */
type Series = { value: number } & Partial<
  Record<'step' | 'rule' | 'calling_ae' | 'modality' | 'path' | 'le' | 'hash', string>
>

async function begin(
  t: TestContext,
  { names = ['one', 'two'], aeTitles = undefined as string[] | undefined } = {},
) {
  const folder = folderOf(t, ruleFile(...names))
  const { rules } = await start(folder)
  const metrics = createMetrics({ rules, connections: () => 3, aeTitles })
  return {
    rules,
    metrics,
    /** the agent has answered so */
    answer: (answered: Partial<Answered>, seconds = 0.0003) =>
      metrics.answered({ step: 'associate', source: '', ...answered }, rules.serving.ruleSet, seconds),
    async series(name: string) {
      const samples = samplesIn(await metrics.text()).filter(sample => sample.name === name)
      return samples.map(({ labels, value }): Series => ({ ...labels, value }))
    },
    async reload(text: string) {
      writeFileSync(join(folder, 'rules.yaml'), text)
      return (await rules.reload('POST')).ok
    },
  }
}

describe('decisions are counted by step, path, rule, pool and outcome:', () => {
  const table: [what: string, answered: Partial<Answered>, labels: string[]][] = [
    [
      'direct',
      { path: 'direct', rule: 'one', backend: 'pool-one' },
      ['associate', 'direct', 'one', 'pool-one', 'bound'],
    ],
    ['delayed', { path: 'delayed', waitsFor: 'two' }, ['associate', 'delayed', 'two', '', 'promised']],
    ['refused', { path: 'refused', refusal: 'no-rule' }, ['associate', 'direct', '', '', 'refused']],
    [
      'bound by its dataset',
      { step: 'dataset', rule: 'two', backend: 'pool-two' },
      ['dataset', 'delayed', 'two', 'pool-two', 'bound'],
    ],
    [
      'refused by its dataset',
      { step: 'dataset', rule: 'two', refusal: 'undecided' },
      ['dataset', 'delayed', 'two', '', 'refused'],
    ],
    [
      'a later instance that passes',
      { step: 'instance', verdict: 'pass', rule: 'two', pool: 'pool-two' },
      ['instance', 'delayed', 'two', 'pool-two', 'passed'],
    ],
    [
      'one that follows',
      { step: 'instance', verdict: 'follow', rule: 'one', pool: 'pool-one' },
      ['instance', 'delayed', 'one', 'pool-one', 'followed'],
    ],
    [
      'one that is refused',
      { step: 'instance', verdict: 'refuse', rule: 'one', pool: 'pool-one', refusal: 'other-pool' },
      ['instance', 'delayed', 'one', 'pool-one', 'refused'],
    ],
  ]
  for (const [what, answered, [step, path, rule, pool, outcome]] of table) {
    test(what, async t => {
      const { answer, series } = await begin(t)
      answer(answered)
      answer(answered)
      const expected = [{ step, path, rule, pool, outcome, value: 2 }]
      assert.deepEqual(await series('dicom_lb_decisions_total'), expected)
      const refusals = answered.refusal ? [{ step, reason: answered.refusal, value: 2 }] : []
      assert.deepEqual(await series('dicom_lb_refusals_total'), refusals)
    })
  }
})

describe('metrics', () => {
  test('keep what rules have counted over a reload, but not of rules and pools that are gone', async t => {
    const { answer, series, reload, metrics } = await begin(t)
    const rulesCounted = async () => (await series('dicom_lb_decisions_total')).map(({ rule }) => rule)
    answer({ rule: 'one', backend: 'pool-one' })
    answer({ rule: 'two', backend: 'pool-two' })
    answer({ rule: 'undecided', refusal: 'undecided' })
    answer({ refusal: 'no-rule' })
    await reload(badFile)
    assert.deepEqual(await rulesCounted(), ['one', 'two', 'undecided', ''])
    await reload(ruleFile('two', 'three'))
    assert.deepEqual(await rulesCounted(), ['two', 'undecided', ''])
    assert.deepEqual([...metrics.hits().keys()], ['two', 'undecided', ''])
    await reload(ruleFile('two').replace('route: pool-two', 'route: pool-other'))
    assert.deepEqual(await rulesCounted(), ['undecided', ''])
  })

  test('are bounded, however often the rules change and nobody looks', async t => {
    const { answer, series, reload } = await begin(t)
    for (let n = 0; n < 20; n++) {
      assert.ok(await reload(ruleFile(`rule-${n}`)))
      answer({ rule: `rule-${n}`, backend: `pool-rule-${n}` })
    }
    // the rules have gone before anybody looks
    assert.equal((await series('dicom_lb_decisions_total')).length, 1)
  })

  test('name as many AE titles as there are first, but none that was refused', async t => {
    const { answer, series } = await begin(t)
    for (let n = 0; n < 1000; n++) answer({ path: 'refused', calling: `STRANGER${n}`, refusal: 'no-rule' })
    for (let n = 0; n < 1000; n++) answer({ path: n % 2 ? 'direct' : 'delayed', calling: `AE${n % 100}` })
    answer({ path: 'refused', calling: 'AE1', refusal: 'no-rule' })
    const titles = await series('dicom_lb_associations_total')
    const named = new Set(titles.map(({ calling_ae }) => calling_ae))
    assert.deepEqual([...named], ['other', ...Array.from({ length: 50 }, (_, n) => `AE${n}`)])
    const of = (calling_ae: string) => titles.filter(title => title.calling_ae === calling_ae)
    assert.deepEqual(of('AE1'), [
      { calling_ae: 'AE1', path: 'direct', value: 10 },
      { calling_ae: 'AE1', path: 'refused', value: 1 },
    ])
    assert.deepEqual(
      of('other').map(({ value }) => value),
      [1000, 250, 250],
    )
  })

  test('name only the AE titles that a list allows, if there is one', async t => {
    const { answer, series } = await begin(t, { aeTitles: ['CT 1', 'MR'] })
    for (const calling of ['CT 1', 'CT', 'MR', 'US']) answer({ path: 'direct', calling })
    const titles = await series('dicom_lb_associations_total')
    assert.deepEqual(
      titles.map(({ calling_ae, value }) => [calling_ae, value]),
      [
        ['CT 1', 1],
        ['other', 2],
        ['MR', 1],
      ],
    )
  })

  test('count modalities by their usual terms, and later instances not at all', async t => {
    const { metrics, series } = await begin(t)
    const judged = (modality: string | undefined, answer = {}) => {
      const dataset = implicitDataset(modality === undefined ? { '00100010': '' } : { '00080060': modality })
      const head = readMessageHead(storeRq(dataset))
      const event = { told: told(), rq: request(), answer, image: { promised, head, pool: 'pool-one' } }
      metrics.decided(event)
    }
    for (const modality of ['CT', 'CT', 'US', 'MINE', 'YOURS', undefined]) judged(modality)
    judged('MR', { verdict: 'pass' })
    metrics.decided({ told: told(), rq: request(), answer: {} })
    assert.deepEqual(
      (await series('dicom_lb_delayed_associations_total')).map(({ modality, value }) => [modality, value]),
      [
        ['CT', 2],
        ['US', 1],
        ['other', 2],
        ['unknown', 1],
      ],
    )
  })

  test('tell how long answers took, and how many bytes they needed', async t => {
    const { answer, series } = await begin(t)
    answer({ path: 'direct' }, 0.0004)
    answer({ step: 'dataset', headBytes: 300 }, 0.02)
    answer({ step: 'instance', headBytes: 9000 }, 0.0004)
    const counts = async (name: string) =>
      (await series(`${name}_count`)).map(({ step, value }) => [step, value])
    assert.deepEqual(await counts('dicom_lb_answer_duration_seconds'), [
      ['associate', 1],
      ['dataset', 1],
      ['instance', 1],
    ])
    assert.deepEqual(await counts('dicom_lb_dataset_head_bytes'), [
      ['dataset', 1],
      ['instance', 1],
    ])
    const buckets = await series('dicom_lb_dataset_head_bytes_bucket')
    const first = buckets.find(({ step, value }) => step === 'instance' && value === 1)
    assert.equal(first?.le, '16384')
  })

  test('count frames by name, and errors by code and status', async t => {
    const { metrics, series } = await begin(t)
    for (const name of ['NOTIFY', 'ACK', 'NOTIFY'] as const) metrics.frame(name)
    metrics.spopError(new SpopError(Status.frameTooBig, 'too big'))
    metrics.spopError(new SpoeError('SPOE_HANDLER_TIMEOUT', 'slow'))
    metrics.spopError(new TypeError('a mistake in a handler'))
    assert.deepEqual(await series('dicom_lb_spop_frames_total'), [
      { type: 'NOTIFY', value: 2 },
      { type: 'ACK', value: 1 },
    ])
    assert.deepEqual(await series('dicom_lb_spop_errors_total'), [
      { code: 'SPOP_PROTOCOL', status: '3', value: 1 },
      { code: 'SPOE_HANDLER_TIMEOUT', status: '', value: 1 },
      { code: 'OTHER', status: '', value: 1 },
    ])
    assert.deepEqual(await series('dicom_lb_spop_connections'), [{ value: 3 }])
  })

  test('tell which rules serve since when, and whether the last reload went well', async t => {
    const { rules, metrics, series, reload } = await begin(t)
    const told = async () => {
      const text = await metrics.text()
      const [info] = await series('dicom_lb_rules_info')
      return {
        ...info,
        ok: sum(text, 'dicom_lb_rules_last_reload_successful'),
        since: sum(text, 'dicom_lb_rules_last_reload_success_timestamp_seconds'),
      }
    }
    const serving = () => ({
      hash: rules.serving.hash,
      value: 1,
      since: rules.serving.loadedAt.getTime() / 1000,
    })
    assert.deepEqual(await told(), { ...serving(), ok: 1 })
    const first = serving()
    await reload(badFile)
    assert.deepEqual(await told(), { ...first, ok: 0 })
    await reload(ruleFile('three'))
    assert.deepEqual(await told(), { ...serving(), ok: 1 })
    assert.notEqual(serving().hash, first.hash)
  })

  test('are declared with a help each', async t => {
    const { metrics } = await begin(t)
    for (const [name, { help }] of declaredIn(await metrics.text())) assert.match(help, /\.$/, name)
  })
})
