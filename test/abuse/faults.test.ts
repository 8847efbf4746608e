import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Relay } from '../support/relay.ts'
import { type Load, type Site, startSite } from './load.ts'

/** How long something is silent: longer than HAProxy needs to find out of an agent. */
const SILENCE_MS = 1500
const CUTS = 20

/** What clients are told where nothing has failed: CTs are stored, MRs belong elsewhere. */
const WELL = ['status 0', 'status a700']

type Fault = (load: Load, site: Site) => Promise<unknown>

const cutting =
  (relays: (site: Site) => readonly Relay[]): Fault =>
  async (load, site) => {
    for (let cuts = 0; cuts < CUTS; cuts++) {
      await load.goesOn(2)
      for (const relay of relays(site)) relay.cut()
    }
  }

const silencing =
  (relays: (site: Site) => readonly Relay[]): Fault =>
  async (load, site) => {
    await load.goesOn(6)
    for (const relay of relays(site)) relay.stall()
    await sleep(SILENCE_MS)
    for (const relay of relays(site)) relay.flow()
  }

const delaying =
  (relays: (site: Site) => readonly Relay[]): Fault =>
  async (load, site) => {
    for (const relay of relays(site)) relay.delay = 30
    await load.goesOn(30)
    for (const relay of relays(site)) relay.delay = 0
  }

const faults: [what: string, fault: Fault, alsoTold: string[]][] = [
  ['delays on the way to agents and PACS nodes', delaying(({ agents, pacs }) => [...agents, ...pacs]), []],
  ['cuts on the way to one of two agents', cutting(({ agents: [one] }) => [one]), []],
  ['a silence of one of two agents', silencing(({ agents: [one] }) => [one]), []],
  ['cuts on the way to all agents', cutting(({ agents }) => agents), ['A-ASSOCIATE-RJ', 'A-ABORT']],
  ['a silence of all agents', silencing(({ agents }) => agents), ['A-ASSOCIATE-RJ', 'A-ABORT']],
  [
    'cuts on the way to PACS nodes',
    cutting(({ pacs }) => pacs),
    ['A-ASSOCIATE-RJ', 'A-ABORT', 'end of the connection'],
  ],
  ['a silence of a PACS node', silencing(({ pacs: [one] }) => [one]), []],
]

describe('faults under load, by relays, which lose connections and no packets', () => {
  let site: Site
  before(async () => {
    site = await startSite()
  })
  after(() => site?.stop())

  for (const [what, fault, alsoTold] of faults) {
    const also = alsoTold.length > 0 ? `, or are told ${alsoTold.join(' or ')}` : ''
    test(`${what}: instances are where they belong${also}; then all is as before`, async t => {
      const counts = await site.during(load => fault(load, site))
      t.diagnostic(JSON.stringify(counts))
      const unexpected = Object.keys(counts).filter(told => ![...WELL, ...alsoTold].includes(told))
      assert.deepEqual(unexpected, [])
    })
  }
})
