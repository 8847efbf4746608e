import { setTimeout as sleep } from 'node:timers/promises'
import { type Balancer, found, startBalancer, timeout } from '../support/balancer.ts'
import type { Nodes } from '../support/ledger.ts'
import { type Pacs, startPacs } from '../support/pacs.ts'
import { startRelay } from '../support/relay.ts'
import { hostile, startHostilePacs } from './hostile-pacs.ts'
import { type Site, startForgivingPacs } from './hostile-site.ts'

/**
 * The pools of mixed.ts; one of a hostile node, and of one to which the line is bad; and those to which clients are led whose
 * bytes have mistakes.
 */
const rules = `
pools:
  ct: &accepts { maxPduLength: 16384 }
  mr: *accepts
  wild-ct: *accepts
  wild-mr: *accepts
rules:
  - { name: shaky, when: { calledAE: SHAKY-DIRECT }, route: shaky, stick: callingAE }
  - { name: shaky by tag, when: { calledAE: SHAKY, Modality: SHAKY }, route: shaky, stick: callingAE }
  - { name: CT, when: { calledAE: ANY-SCP, Modality: CT }, route: ct }
  - { name: MR, when: { calledAE: ANY-SCP, Modality: MR }, route: mr }
  - { name: echo, when: { calledAE: ECHO }, route: ct }
  - { name: wild, when: { calledAE: DIRECT }, route: wild-ct }
  - { name: wild CT, when: { Modality: CT }, route: wild-ct }
  - { name: wild MR, when: { Modality: MR }, route: wild-mr }
`

const agents = ['agents/agent1', 'agents/agent2']

export interface SoakSite {
  balancer: Balancer
  /** of all pools but the wild ones */
  nodes: Nodes
  wild: Site
  /** faults on the way to one of the agents, or to a PACS node, one after the other */
  disturb(isOver: () => boolean): Promise<void>
  /** A second after `act` has begun, all agents hang, or are gone, until it ends. */
  withoutAgents(how: 'hanging' | 'gone', act: () => Promise<unknown>): Promise<void>
  /** what PACS nodes remember of associations that need not be known any more */
  forget(): void
  stop(): Promise<void>
}

export async function startSoak(): Promise<SoakSite> {
  const [ct, mr, far] = [await startPacs(), await startPacs(), await startPacs()]
  const wild = { ct: await startForgivingPacs(), mr: await startForgivingPacs() }
  const scripts = Object.values(hostile)
  let turn = 0
  const bad = await startHostilePacs(
    () => scripts[turn++ % scripts.length] ?? hostile['refuses the association'],
  )
  const all: Pacs[] = [ct, mr, far, bad, wild.ct, wild.mr]
  const line = await startRelay(far.port)
  const lines = [await startRelay(), await startRelay()]
  const server = (name: string, { port }: { port: number }) => ({ name, port })
  const balancer = await startBalancer({
    rules,
    pools: {
      ct: [server('CT', ct)],
      mr: [server('MR', mr)],
      shaky: [server('FAR', line), server('BAD', bad)],
      'wild-ct': [server('CT', wild.ct)],
      'wild-mr': [server('MR', wild.mr)],
    },
    relays: lines,
    env: { SETTLE_TIMEOUT: '5', SOURCE_RATE: '1000000' },
    // those that hang, do so for less than an hour
    edit: timeout('server', '10s'),
  })

  return {
    balancer,
    nodes: { ct: [ct], mr: [mr], shaky: [far, bad] },
    wild: { balancer, ...wild, beside: [] },
    async disturb(isOver) {
      const relays = [...lines, line]
      for (let round = 0; !isOver(); round++) {
        await sleep(4000)
        const relay = relays[round % relays.length]
        if (round % 2 === 0) relay?.cut()
        else {
          relay?.stall()
          await sleep(1500)
          relay?.flow()
        }
      }
    },
    async withoutAgents(how, act) {
      const acting = act()
      await sleep(1000)
      const targets = lines.map(({ target }) => target)
      for (const line of lines) {
        if (how === 'hanging') line.stall()
        else {
          line.target = 0
          line.cut()
        }
      }
      await found(balancer.haproxy, 'DOWN', agents)
      await acting
      for (const [index, line] of lines.entries()) {
        line.target = targets[index] ?? 0
        line.flow()
      }
      await found(balancer.haproxy, 'UP', agents)
    },
    forget() {
      for (const pacs of all) pacs.associations.length = pacs.probes.length = 0
      wild.ct.stored.length = wild.mr.stored.length = 0
    },
    async stop() {
      await balancer.stop()
      await Promise.all([...all, line, ...lines].map(part => part.stop()))
    },
  }
}
