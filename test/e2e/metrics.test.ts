import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { declaredIn, samplesIn, sum } from '../metrics/support.ts'
import { adminUrl, type Balancer, startBalancer } from '../support/balancer.ts'
import { storeEach } from '../support/client.ts'
import { type Pacs, startPacs } from '../support/pacs.ts'

const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8')

const rules = `
rules:
  - { name: direct, when: { callingAE: DIRECT }, route: ct }
  - { name: unwanted, when: { callingAE: EVIL }, reject: calling-ae-title-not-recognized }
  - { name: CT, when: { Modality: CT }, route: ct }
  - { name: MR, when: { Modality: MR }, route: mr }
`

describe('what can be seen of a balancer', { timeout: 60_000 }, () => {
  let pacs: Pacs
  let balancer: Balancer

  before(async () => {
    pacs = await startPacs()
    const server = [{ name: 'PACS', port: pacs.port }]
    balancer = await startBalancer({ rules, pools: { ct: server, mr: server } })
    await Promise.all(
      ['DIRECT', 'EVIL', 'ANNA', 'BERT'].map(callingAE => storeEach(balancer.port, callingAE, ['CT'])),
    )
    // a later instance of another pool, and a first one that no rule wants
    await storeEach(balancer.port, 'CARL', ['CT', 'MR'])
    await storeEach(balancer.port, 'DORA', ['US'])
  })
  after(async () => {
    await balancer?.stop()
    await pacs?.stop()
  })

  /** What each agent answers. */
  async function ofAgents(path: string): Promise<string[]> {
    const urls = await Promise.all(balancer.agents.map(adminUrl))
    return Promise.all(urls.map(async url => (await fetch(`${url}${path}`)).text()))
  }

  test('decisions are those that were made, in the metrics of all agents together', async () => {
    const text = (await ofAgents('/metrics')).join('\n')
    const made = new Map<string, number>()
    for (const { name, labels, value } of samplesIn(text)) {
      if (name !== 'dicom_lb_decisions_total') continue
      const { step, path, rule, pool, outcome } = labels
      const decision = [step, path, rule, pool, outcome].join(' ')
      made.set(decision, (made.get(decision) ?? 0) + value)
    }
    assert.deepEqual(Object.fromEntries([...made].sort()), {
      'associate delayed CT  promised': 4,
      'associate direct direct ct bound': 1,
      'associate direct unwanted  refused': 1,
      'dataset delayed   refused': 1,
      'dataset delayed CT ct bound': 3,
      'instance delayed MR mr refused': 1,
    })
    assert.equal(sum(text, 'dicom_lb_refusals_total', { reason: 'other-pool' }), 1)
    assert.equal(sum(text, 'dicom_lb_refusals_total', { reason: 'no-rule' }), 1)
    assert.equal(sum(text, 'dicom_lb_associations_total'), 6)
    assert.equal(sum(text, 'dicom_lb_associations_total', { calling_ae: 'ANNA', path: 'delayed' }), 1)
    assert.equal(sum(text, 'dicom_lb_associations_total', { calling_ae: 'other', path: 'refused' }), 1)
    const delayed = 'dicom_lb_delayed_associations_total'
    assert.equal(sum(text, delayed), 4)
    assert.equal(sum(text, delayed, { modality: 'CT', pool: 'ct' }), 3)
    assert.equal(sum(text, delayed, { modality: 'US', pool: '' }), 1)
    for (const [step, questions] of Object.entries({ associate: 6, dataset: 4, instance: 1 })) {
      assert.equal(sum(text, 'dicom_lb_answer_duration_seconds_count', { step }), questions)
    }
    assert.equal(sum(text, 'dicom_lb_dataset_head_bytes_count'), 5)
    assert.ok(sum(text, 'dicom_lb_spop_frames_total', { type: 'NOTIFY' }) >= 11)
    assert.equal(sum(text, 'dicom_lb_spop_errors_total'), 0)
  })

  test('they are in /decisions and in the log of HAProxy by the same id, and each counts as a hit', async () => {
    const decisions = (await ofAgents('/decisions')).flatMap(text => JSON.parse(text).decisions)
    assert.equal(decisions.length, 11)
    const carl = (await balancer.logLine('CARL')).split(' ')[1]
    const ofCarl = decisions.filter(({ id }) => id === carl)
    assert.deepEqual(ofCarl.map(({ step }) => step).sort(), ['associate', 'dataset', 'instance'])
    const hits = (await ofAgents('/rules')).flatMap(text => JSON.parse(text).rules)
    const ofRule = (name: string) =>
      hits
        .filter(rule => rule.name === name)
        .map(({ hits }) => hits.decided)
        .reduce((a, b) => a + b)
    assert.deepEqual(['direct', 'unwanted', 'CT', 'MR'].map(ofRule), [1, 1, 3, 1])
  })

  test('HAProxy serves those of its metrics that docs/metrics.md names', async () => {
    const text = await (await fetch(`http://127.0.0.1:${balancer.statsPort}/metrics`)).text()
    const declared = declaredIn(text)
    const documented = [...page.matchAll(/^\| `(haproxy_\w+)` +\| (\w+) /gm)]
    assert.ok(documented.length > 5)
    for (const [, name = '', type] of documented) assert.equal(declared.get(name)?.type, type, name)
    assert.equal(sum(text, 'haproxy_backend_active_servers', { proxy: 'ct' }), 1)
    assert.equal(sum(text, 'haproxy_server_status', { proxy: 'mr', server: 'PACS', state: 'UP' }), 1)
    assert.equal(sum(text, 'haproxy_frontend_sessions_total', { proxy: 'dicom' }), 6)
  })
})
