import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { pduHeaderLength } from '../../agent/dicom/index.ts'
import type { Running } from '../../deploy/local/processes.ts'
import { data, message, notify, SpopPeer } from '../haproxy-spoe/spop-peer.ts'
import { adminUrl, spopAddress, startAgent } from '../support/balancer.ts'
import { associateRq } from '../support/messages.ts'
import { declaredIn, samplesIn, sum } from './support.ts'

const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8')

describe('the metrics of an agent that has answered', { timeout: 60_000 }, () => {
  let agent: Running
  let text = ''

  before(async () => {
    agent = await startAgent('agent', { RULES: 'agent/rules' })
    const url = await adminUrl(agent)
    const peer = await SpopPeer.open(await spopAddress(agent))
    const rq = data.binary(associateRq().subarray(pduHeaderLength))
    peer.send(notify(1, 1, message('associate', { id: data.string('id-1'), rq })))
    await peer.receive()
    const response = await fetch(`${url}/metrics`)
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
    text = await response.text()
    peer.close()
  })
  after(() => agent?.stop())

  test('have counted it', () => {
    assert.equal(sum(text, 'dicom_lb_decisions_total'), 1)
    assert.equal(sum(text, 'dicom_lb_spop_frames_total', { type: 'NOTIFY' }), 1)
    assert.equal(sum(text, 'dicom_lb_spop_connections'), 1)
  })

  test('are as Prometheus wants them', () => {
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: text,
      encoding: 'utf8',
    })
    assert.equal(status, 0, `${stdout}${stderr}`)
  })

  test('are all in docs/metrics.md with type and help, and no others', () => {
    const documented = [...page.matchAll(/^\| `((?!haproxy_)\w+_\w+)` +\| (\w+) +\| (.*?) +\|$/gm)]
    const told = new Map(documented.map(([, name = '', type = '', help = '']) => [name, { type, help }]))
    assert.deepEqual(Object.fromEntries(told), Object.fromEntries(declaredIn(text)))
  })

  test('have only labels that docs/metrics.md explains', () => {
    const own = samplesIn(text).filter(({ name }) => name.startsWith('dicom_lb_'))
    const labels = new Set(own.flatMap(sample => Object.keys(sample.labels)))
    for (const name of ['le', 'hash', 'version']) labels.delete(name)
    assert.ok(labels.size > 5)
    for (const label of labels) assert.match(page, new RegExp(`^\\|.*\`${label}\`.* \\|`, 'm'))
  })
})
