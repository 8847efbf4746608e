import { setTimeout as sleep } from 'node:timers/promises'
import { type Balancer, found, spopAddress, startAgent, startBalancer } from '../support/balancer.ts'
import type { Nodes } from '../support/ledger.ts'
import { rules as mixedRules } from '../support/mixed.ts'
import { type Pacs, startPacs } from '../support/pacs.ts'
import { startRelay } from '../support/relay.ts'
import { hostile, startHostilePacs } from './hostile-pacs.ts'

/** The mixed association's pools, and one of a hostile node and of one to which the line is bad. */
const rules = mixedRules.replace(
  'rules:\n',
  `rules:
  - { name: shaky, when: { calledAE: SHAKY-DIRECT }, route: shaky, stick: callingAE }
  - { name: shaky by tag, when: { Modality: SHAKY }, route: shaky, stick: callingAE }
`,
)

export interface SoakSite {
  balancer: Balancer
  nodes: Nodes
  /** faults on the way to one of the agents, or to a PACS node, one after the other */
  disturb(isOver: () => boolean): Promise<void>
  /** what PACS nodes remember of associations that need not be known any more */
  forget(): void
  stop(): Promise<void>
}

export async function startSoak(): Promise<SoakSite> {
  const [ct, mr, far] = [await startPacs(), await startPacs(), await startPacs()]
  const scripts = Object.values(hostile)
  let turn = 0
  const bad = await startHostilePacs(
    () => scripts[turn++ % scripts.length] ?? hostile['refuses the association'],
  )
  const all: Pacs[] = [ct, mr, far, bad]
  const line = await startRelay(far.port)
  const lines = [await startRelay(), await startRelay()]
  const [AGENT1 = '', AGENT2 = ''] = lines.map(({ port }) => `127.0.0.1:${port}`)
  const balancer = await startBalancer({
    rules,
    pools: {
      ct: [{ name: 'CT', port: ct.port }],
      mr: [{ name: 'MR', port: mr.port }],
      shaky: [
        { name: 'FAR', port: line.port },
        { name: 'BAD', port: bad.port },
      ],
    },
    agents: 0,
    env: { AGENT1, AGENT2, SETTLE_TIMEOUT: '5' },
    // those that hang, do so for less than an hour
    edit: cfg => cfg.replace(/(defaults pacs.*?timeout server +)1h/s, (_, before) => `${before}10s`),
  })
  for (const relay of lines) {
    const env = { RULES: balancer.rulesFolder, GATEWAY: `127.0.0.1:${balancer.gatewayPort}` }
    const agent = await startAgent('agent', env)
    balancer.agents.push(agent)
    relay.target = (await spopAddress(agent)).port
  }
  await found(balancer.haproxy, 'UP', ['agents/agent1', 'agents/agent2'])

  return {
    balancer,
    nodes: { ct: [ct], mr: [mr], shaky: [far, bad] },
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
    forget() {
      for (const pacs of all) pacs.associations.length = pacs.probes.length = 0
    },
    async stop() {
      await balancer.stop()
      await Promise.all([...all, line, ...lines].map(part => part.stop()))
    },
  }
}
