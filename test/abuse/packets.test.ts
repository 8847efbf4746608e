import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import {
  delayPackets,
  isInNamespace,
  keepPackets,
  losePackets,
  runInNamespace,
  whyNoNamespace,
} from '../support/namespace.ts'
import { type Site, startSite } from './load.ts'

/** How long a line is cut: longer than HAProxy needs to find out of an agent, and less than it needs to of a PACS node. */
const CUT_MS = { agent: 1500, pacs: 500 }

if (!isInNamespace()) {
  const why = whyNoNamespace()
  test('lost packets, in a network namespace', {
    skip: why !== undefined && `no namespace where nft loses packets: ${why}`,
  }, t => {
    const { passed, output } = runInNamespace(fileURLToPath(import.meta.url))
    for (const line of output.match(/(?<=ℹ )\d+ (?:packets|ms) .*|﹣ .*/g) ?? []) t.diagnostic(line)
    assert.ok(passed, output)
  })
} else {
  describe('under load', () => {
    let site: Site
    before(async () => {
      site = await startSite()
    })
    after(() => site?.stop())

    /** All are told that CTs are stored, and MRs refused. */
    const well = ['status 0', 'status a700']
    const ports = (relays: readonly { port: number }[]) => relays.map(({ port }) => port)

    test('five of a hundred packets lost between HAProxy, agents and PACS nodes: clients do not see it', async t => {
      let lost = 0
      const counts = await site.during(async load => {
        losePackets(ports([...site.agents, ...site.pacs]), 5)
        await load.goesOn(30)
        lost = keepPackets()
      })
      t.diagnostic(`${lost} packets were lost: ${JSON.stringify(counts)}`)
      assert.ok(lost > 0)
      assert.deepEqual(Object.keys(counts).toSorted(), well)
    })

    for (const [what, cut, cutMs] of [
      ['one of two agents', ({ agents: [one] }: Site) => [one], CUT_MS.agent],
      ['PACS nodes', ({ pacs }: Site) => pacs, CUT_MS.pacs],
    ] as const) {
      test(`the line between HAProxy and ${what} cut for a while: clients do not see it`, async t => {
        let lost = 0
        const counts = await site.during(async load => {
          await load.goesOn(6)
          losePackets(ports(cut(site)), 100)
          await sleep(cutMs)
          lost = keepPackets()
        })
        t.diagnostic(`${lost} packets were lost: ${JSON.stringify(counts)}`)
        assert.ok(lost > 0)
        assert.deepEqual(Object.keys(counts).toSorted(), well)
      })
    }

    test('all packets delayed: clients do not see it', async t => {
      if (!delayPackets(10)) return t.skip('this kernel has no netem: relays delay in faults.test.ts')
      const counts = await site.during(load => load.goesOn(30))
      t.diagnostic(`10 ms of delay: ${JSON.stringify(counts)}`)
      assert.deepEqual(Object.keys(counts).toSorted(), well)
    })
  })
}
