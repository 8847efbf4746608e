import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { PduType } from '../../agent/dicom/index.ts'
import { dcmtk, type Scp, startStorescp } from '../support/dcmtk.ts'
import { waitUntil } from '../support/haproxy.ts'
import { associateRq, image, storeRq } from '../support/messages.ts'
import { Peer } from '../support/peer.ts'
import { underLoad } from './load.ts'
import { dockerHost, startPod } from './pod.ts'

test('the pod of deploy/kubernetes routes images, takes changed ConfigMaps in, and ends when its associations have', {
  timeout: 300_000,
}, async t => {
  const folders = { ct: '', mr: '', general: '' }
  const nodes: Partial<Record<keyof typeof folders, Scp>> = {}
  for (const pool of ['ct', 'mr', 'general'] as const) {
    const folder = mkdtempSync(join(tmpdir(), `${pool}-`))
    const node = await startStorescp(folder)
    t.after(async () => {
      await node.stop()
      rmSync(folder, { recursive: true })
    })
    Object.assign(folders, { [pool]: folder })
    nodes[pool] = node
  }
  const has = (pool: keyof typeof folders, name: string) =>
    readdirSync(folders[pool]).some(file => file.includes(name))
  // the host, from a container on Docker's own network
  const host = await dockerHost()
  const pools = (...names: (keyof typeof folders)[]) => ({
    'pacs.cfg': names
      .map(pool => `backend ${pool} from pacs\n    server ${pool} ${host}:${nodes[pool]?.port}\n`)
      .join('\n'),
  })
  const rules = (...routes: string[]) => ({
    '10-modality.yaml': `rules:\n${routes
      .map(pool => `  - { name: ${pool}, when: { Modality: ${pool.toUpperCase()} }, route: ${pool} }\n`)
      .join('')}default: general\n`,
  })
  const pod = await startPod({ pools: pools('ct', 'general'), rules: rules('ct') })
  t.after(() => pod.stop())
  const { port } = pod
  const up = (pool: string) =>
    waitUntil(async () => (await pod.metric(`haproxy_backend_active_servers{proxy="${pool}"}`)) === 1)
  const told = (name: string, text: RegExp) =>
    waitUntil(async () => text.test(await pod.docker('logs', pod.container(name))))
  for (const pool of ['ct', 'general']) await up(pool)

  for (const sample of ['ct-head-1', 'mr-brain']) {
    const { code, output } = await dcmtk('dcmsend', '127.0.0.1', String(port), `dicom-samples/${sample}.dcm`)
    assert.equal(code, 0, output)
  }
  assert.deepEqual([readdirSync(folders.ct).length, readdirSync(folders.general).length], [1, 1])

  const sent = await underLoad(port, async () => {
    pod.swap('pools', { 'pacs.cfg': `${pools('ct', 'general')['pacs.cfg']}    server typo\n` })
    await told('pools', /a server line is: server AE_TITLE/)
    pod.swap('pools', { 'pacs.cfg': `${pools('ct', 'general')['pacs.cfg']}    nonsense\n` })
    await told('pools', /The configuration before serves on/)
    pod.swap('pools', pools('ct', 'mr', 'general'))
    await up('mr')
    pod.swap('rules', rules('ct', 'mr'))
    for (const agent of ['agent1', 'agent2']) await told(agent, /"trigger":"save".*"rules loaded"/)
    const before = readdirSync(folders.mr).length
    await waitUntil(() => readdirSync(folders.mr).length > before + 5)
  })
  assert.deepEqual(
    sent.filter(({ result }) => result !== 'stored'),
    [],
  )
  for (const { pool, sopInstance } of sent) {
    // before the rule, what is MR was the default's
    const at = pool === 'mr' && !has('mr', sopInstance) ? 'general' : pool
    assert.ok(has(at, sopInstance), `${sopInstance} in ${at}`)
  }

  const peer = await Peer.connect(port)
  peer.send(associateRq({}))
  assert.equal((await peer.receive())?.type, PduType.associateAc)
  let over = false
  const stopping = pod.preStop().then(async () => {
    over = true
    await pod.docker('stop', pod.container('haproxy'))
  })
  // it has waited for the Service, and waits for the association now
  await waitUntil(async () => /sleep 1$/m.test(await pod.docker('top', pod.container('haproxy'))))
  peer.send(storeRq(image()))
  assert.equal((await peer.receive())?.type, PduType.pData)
  assert.equal(over, false)
  peer.close()
  await stopping
  assert.equal(await pod.docker('inspect', '-f', '{{.State.ExitCode}}', pod.container('haproxy')), '0')
})
