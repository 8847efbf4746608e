import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeCommandSet, decodePData, PduType, pduHeaderLength } from '../../agent/dicom/index.ts'
import { adminUrl, type Balancer, startBalancer } from '../support/balancer.ts'
import { associateRq, image, releaseRq, storeRq } from '../support/messages.ts'
import { type Pacs, startPacs } from '../support/pacs.ts'
import { type Pdu, Peer } from '../support/peer.ts'

const reloads = 200
const perSecond = 50
const associations = 500

/**
 * Two rule sets of two files that send every image to the same pool, by rules and pools that differ in everything else.
 * With one file of each set, or the rules of one and the pools of the other, some images would go to the trap, or get
 * there under the called AE title of the other set.
 */
const odd = (set: string) => `
pools:
  odd: { calledAE: ODD-${set} }
rules:
  - { name: "${set} odd", when: { PatientID: "ODD*" }, route: odd, stick: PatientID }
`
const even = (set: string) => `
pools:
  even: { calledAE: EVEN-${set} }
rules:
  - { name: "${set} even", when: { PatientID: "EVEN*" }, route: even, stick: PatientID }
`
const otherwise = 'default: trap\n'
const sets = [
  { '1.yaml': odd('A'), '2.yaml': even('A'), '3.yaml': otherwise },
  { '1.yaml': even('B'), '2.yaml': odd('B'), '3.yaml': otherwise },
]

describe('rules that are reloaded under load', { timeout: 180_000 }, () => {
  const pacs: Record<string, Pacs> = {}
  let folder = ''
  let balancer: Balancer

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'configmap-'))
    for (const name of Object.keys(sets[0] ?? {})) symlinkSync(`..data/${name}`, join(folder, name))
    swap(0)
    for (const pool of ['odd', 'even', 'trap']) pacs[pool] = await startPacs()
    const pools = Object.entries(pacs).map(([pool, { port }]) => [pool, [{ name: pool, port }]])
    balancer = await startBalancer({ rules: '', pools: Object.fromEntries(pools), env: { RULES: folder } })
  })
  after(async () => {
    await balancer?.stop()
    for (const node of Object.values(pacs)) await node.stop()
    rmSync(folder, { recursive: true })
  })

  /** As Kubernetes does it: all files are replaced in one moment. */
  function swap(version: number): void {
    const name = `..${version}`
    mkdirSync(join(folder, name))
    for (const [file, content] of Object.entries(sets[version % sets.length] ?? {})) {
      writeFileSync(join(folder, name, file), content)
    }
    symlinkSync(name, join(folder, '..data_tmp'))
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
    if (version > 0) rmSync(join(folder, `..${version - 1}`), { recursive: true })
  }

  /** Stores two images of different studies in one association, so that the guard asks, too. */
  async function store(callingAE: string, patientId: string): Promise<void> {
    const peer = await Peer.connect(balancer.port)
    peer.send(associateRq({ callingAE }))
    assert.equal((await peer.receive())?.type, PduType.associateAc, `${callingAE}: association`)
    for (const study of ['1.2', '1.3']) {
      peer.send(storeRq(image({ patientId: `${patientId}-${study}`, study })))
      const pdu = await peer.receive()
      assert.equal(pdu && status(pdu), 0, `${callingAE}: C-STORE-RSP of ${study}`)
    }
    peer.send(releaseRq)
    const rest = await peer.rest()
    assert.deepEqual(
      rest.map(({ type }) => type),
      [PduType.releaseRp],
      `${callingAE}: release`,
    )
    peer.close()
  }

  test(`${reloads} times during ${perSecond} associations a second: none fails, none sees two rule sets`, async () => {
    const urls = await Promise.all(balancer.agents.map(adminUrl))
    const begin = performance.now()
    const until = (ms: number) => sleep(Math.max(0, begin + ms - performance.now()))
    const stores = Array.from({ length: associations }, async (_, n) => {
      await until((n * 1000) / perSecond)
      await store(`SCU-${n}`, n % 2 ? 'ODD' : 'EVEN')
    })
    const changes = (async () => {
      const hashes = new Set<string>()
      for (let version = 1; version <= reloads; version++) {
        await until((version * associations * 1000) / perSecond / reloads)
        swap(version)
        // the rest is for the agents to notice
        if (version % 10 === 0) continue
        const answers = await Promise.all(urls.map(url => fetch(`${url}/-/reload`, { method: 'POST' })))
        const [hash, ...others] = await Promise.all(answers.map(answer => answer.text()))
        assert.deepEqual([answers.map(({ status }) => status), others], [[200, 200], [hash]])
        hashes.add(hash ?? '')
      }
      assert.equal(hashes.size, sets.length)
    })()
    await Promise.all([...stores, changes])

    assert.equal(pacs.trap?.associations.length, 0)
    const used = new Set<string>()
    for (const [pool, { associations: seen }] of Object.entries(pacs)) {
      for (const { callingAE, calledAE } of seen) {
        const line = await balancer.logLine(callingAE)
        const rule = line.match(/ rule="([^"]*)"/)?.[1] ?? ''
        const set = rule.slice(0, 1)
        assert.deepEqual([rule, calledAE], [`${set} ${pool}`, `${pool.toUpperCase()}-${set}`], line)
        assert.match(line, / instances=2\/1\/-\/- /, 'an agent was asked about the second instance')
        used.add(rule)
      }
    }
    assert.deepEqual([...used].sort(), ['A even', 'A odd', 'B even', 'B odd'])
    assert.equal((pacs.odd?.stored.length ?? 0) + (pacs.even?.stored.length ?? 0), 2 * associations)
  })
})

function status({ type, bytes }: Pdu): number | undefined {
  if (type !== PduType.pData) return undefined
  const [response] = decodePData(bytes.subarray(pduHeaderLength))
  return response && decodeCommandSet(response.data).elements.Status
}
