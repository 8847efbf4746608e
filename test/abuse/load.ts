import { type Balancer, found, startBalancer } from '../support/balancer.ts'
import { waitUntil } from '../support/haproxy.ts'
import { Ledger, type Told } from '../support/ledger.ts'
import { type Pacs, startPacs } from '../support/pacs.ts'
import { type Relay, startRelay } from '../support/relay.ts'
import { deliver } from './deliver.ts'

const rules = `
rules:
  - { name: direct, when: { calledAE: DIRECT }, route: ct, stick: callingAE }
  - { name: CT, when: { Modality: CT }, route: ct, stick: callingAE }
  - { name: MR, when: { Modality: MR }, route: mr }
`
const CLIENTS = 6

/** A balancer whose connections to two agents, and to two nodes of the pool `ct`, each pass a relay. */
export interface Site {
  balancer: Balancer
  agents: readonly [Relay, Relay]
  pacs: readonly [Relay, Relay]
  /** goes on with associations of several instances while `fault` happens, and says what clients were told of these */
  during(fault: (load: Load) => Promise<unknown>): Promise<Record<string, number>>
  stop(): Promise<void>
}

export interface Load {
  /** resolves when so many more associations have ended */
  goesOn(associations: number): Promise<unknown>
}

export async function startSite(): Promise<Site> {
  const ct: [Pacs, Pacs] = [await startPacs(), await startPacs()]
  const mr = await startPacs()
  const pacs = [await startRelay(ct[0].port), await startRelay(ct[1].port)] as const
  const agents = [await startRelay(), await startRelay()] as const
  const balancer = await startBalancer({
    rules,
    pools: {
      ct: pacs.map(({ port }, index) => ({ name: `CT:${index}`, port })),
      mr: [{ name: 'MR', port: mr.port }],
    },
    relays: agents,
  })
  const servers = ['agents/agent1', 'agents/agent2', 'ct/CT:0', 'ct/CT:1', 'mr/MR']
  const recovered = () => found(balancer.haproxy, 'UP', servers)

  let sent = 0
  async function send(ledger: Ledger): Promise<(Told | undefined)[]> {
    const callingAE = `SCU-${++sent}`
    const [calledAE, modalities] = sent % 3 ? ['TAGS', ['CT', 'CT', 'MR']] : ['DIRECT', ['CT', 'CT']]
    return deliver(balancer.port, ledger, { callingAE, calledAE, modalities, size: 60_000 })
  }

  return {
    balancer,
    agents,
    pacs,
    async during(fault) {
      const ledger = new Ledger()
      let done = 0
      let isOver = false
      async function client(): Promise<void> {
        while (!isOver) {
          await send(ledger)
          done++
        }
      }
      const clients = Promise.all(Array.from({ length: CLIENTS }, client))
      try {
        await fault({
          goesOn(associations) {
            const enough = done + associations
            return waitUntil(() => done >= enough, undefined, 60_000)
          },
        })
      } finally {
        isOver = true
        await clients
      }
      // all is as before
      await recovered()
      for (let association = 0; association < 3; association++) {
        const told = await send(ledger)
        const expected = told.length === 3 ? [0, 0, 0xa700] : [0, 0]
        if (`${told}` !== `${expected}`) throw new Error(`after the fault, a client was told ${told}`)
      }
      return ledger.close({ ct, mr: [mr] })
    },
    async stop() {
      await balancer.stop()
      await Promise.all([...agents, ...pacs, ...ct, mr].map(part => part.stop()))
    },
  }
}
