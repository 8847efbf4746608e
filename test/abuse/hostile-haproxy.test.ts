import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { Running } from '../../deploy/local/processes.ts'
import { memoryOf } from '../bench/memory.ts'
import { DISCONNECT, HEALTHCHECK_HELLO, HELLO, NOTIFY } from '../haproxy-spoe/captured.ts'
import { sum } from '../metrics/support.ts'
import { type Balancer, found, metricsText, startBalancer } from '../support/balancer.ts'
import { waitUntil } from '../support/haproxy.ts'
import { Ledger } from '../support/ledger.ts'
import { generator } from '../support/mixed.ts'
import { type Pacs, startPacs } from '../support/pacs.ts'
import { breakOff } from '../support/peer.ts'
import { type Relay, startRelay } from '../support/relay.ts'
import { deliver } from './deliver.ts'
import { inTurn } from './hostile-site.ts'
import { mutate } from './mutate.ts'

/** of each frame; 10,000 take half a minute */
const mutations = Number(process.env.ABUSE_MUTATIONS ?? 1000)
const connections = 10_000
const AT_A_TIME = 64
/** What HAProxy itself keeps open at most. */
const FEW = 50
/** Files that the agent, and this process, need for all else. */
const SPARE = 500
/** MB that the agent may use more of, from one round to the next. */
const MORE = 50

const rules = `
rules:
  - { name: CT, when: { Modality: CT }, route: ct }
  - { name: MR, when: { Modality: MR }, route: mr }
`

describe('an agent whose peer is no HAProxy', () => {
  let ct: Pacs
  let balancer: Balancer
  let relay: Relay
  let agent: Running
  /** frames of HAProxy's by the name of their message */
  const frames: Record<string, Buffer> = { HELLO, HEALTHCHECK_HELLO, DISCONNECT, NOTIFY }
  let served = 0

  before(async () => {
    ct = await startPacs()
    relay = await startRelay()
    relay.cutsAt = bytes => {
      const [, name = ''] =
        bytes
          .subarray(0, 40)
          .toString('latin1')
          .match(/(associate|dataset|instance)/) ?? []
      if (bytes[4] === 3 && name !== '') frames[name] ??= Buffer.from(bytes)
      return false
    }
    const pools = { ct: [{ name: 'CT', port: ct.port }], mr: [{ name: 'MR', port: ct.port }] }
    balancer = await startBalancer({ rules, pools, agents: 1, relays: [relay] })
    agent = balancer.agents[0] ?? assert.fail()
    await serves()
  })
  after(async () => {
    await balancer?.stop()
    await Promise.all([relay?.stop(), ct?.stop()])
  })

  /** A client of the real HAProxy gets its answers, of all three steps, from the same process. */
  async function serves(): Promise<void> {
    // so busy that HAProxy has missed a check, it may have been a moment ago
    await found(balancer.haproxy, 'UP', ['agents/agent1'])
    const ledger = new Ledger()
    const delivery = { callingAE: `SCU-${++served}`, modalities: ['CT', 'MR'], size: 100 }
    assert.deepEqual(await deliver(balancer.port, ledger, delivery), [0, 0xa700])
    ledger.close({ ct: [ct] })
    process.kill(agent.pid, 0)
  }
  let opened = 0
  /** From one address after the other, each of which has all ports: many are taken for a while when a connection is over. */
  const open = () => {
    const localAddress = `127.0.0.${2 + (opened++ % 200)}`
    return connect({ port: relay.target, host: '127.0.0.1', localAddress }).on('error', () => {})
  }
  const memory = () => memoryOf(agent.pid) / 1024

  /** A connection that sends this, and then ends; resolves when the agent has ended it, too. */
  async function send(bytes: Buffer): Promise<void> {
    const socket = open()
    socket.end(bytes)
    await once(socket.resume(), 'close')
  }
  /** Does `task` for each number below `count`, some at a time. */
  const each = (count: number, task: (n: number) => Promise<void>) =>
    inTurn(
      Array.from({ length: count }, (_, n) => n),
      task,
      AT_A_TIME,
    )
  const preamble = (name: string) => (name.endsWith('HELLO') ? [] : [HELLO])
  const metric = async (name: string) => sum(await metricsText(agent), name)
  const connectionsClose = () => waitUntil(async () => (await metric('dicom_lb_spop_connections')) < FEW)

  test(`${mutations} mutations of each frame end their own connections, and nothing else`, async t => {
    assert.deepEqual(Object.keys(frames).length, 7)
    const used: number[] = []
    for (const round of [0, 1]) {
      for (const [name, bytes] of Object.entries(frames)) {
        await each(mutations / 2, n => {
          const seed = 2 * n + round
          return send(Buffer.concat([...preamble(name), mutate(bytes, generator(seed))]))
        })
        await serves()
        used.push(memory())
      }
    }
    t.diagnostic(`MB after each frame: ${used.map(Math.round)}`)
    const [first = 0, second = 0] = [used.slice(0, 7), used.slice(7)].map(round => Math.max(...round))
    assert.ok(second < first + MORE, `${first} MB, then ${second} MB`)
  })

  test('connections that break within a frame, at any byte, leave nothing behind', async () => {
    for (const [name, bytes] of Object.entries(frames)) {
      const begins = Buffer.concat(preamble(name))
      const step = Math.ceil(bytes.length / 200)
      await each(Math.ceil(bytes.length / step), async n => {
        const socket = open()
        await new Promise(resolve =>
          socket.write(Buffer.concat([begins, bytes.subarray(0, n * step)]), resolve),
        )
        breakOff(socket)
      })
    }
    await serves()
    await connectionsClose()
  })

  test(`${connections} connections`, async t => {
    const limit = Number(execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }))
    const most = Math.min(connections, limit - SPARE)
    t.diagnostic(`${most} at a time`)
    const first = [
      Buffer.alloc(0),
      HELLO.subarray(0, 50),
      HELLO,
      Buffer.concat([HELLO, NOTIFY.subarray(0, 50)]),
    ]
    for (let begun = 0; begun < connections; begun += most) {
      const sockets: Socket[] = []
      await each(Math.min(most, connections - begun), async n => {
        const socket = open()
        await once(socket, 'connect')
        socket.write(first[n % first.length] ?? '')
        sockets.push(socket)
      })
      await serves()
      for (const [n, socket] of sockets.entries()) {
        if (n % 2) socket.destroy()
        else breakOff(socket)
      }
      await connectionsClose()
      await serves()
    }
  })

  test('of all these errors, ten in a minute are in the log, in short lines, and all are counted', async () => {
    const lines = agent.output().match(/.*"msg":"SPOP"}/g) ?? []
    const times = lines.map(line => Number(JSON.parse(line).time))
    const minutes = 1 + Math.ceil(((times.at(-1) ?? 0) - (times[0] ?? 0)) / 60_000)
    assert.ok(lines.length <= 10 * minutes, `${lines.length} lines in ${minutes} minutes`)
    assert.ok(lines.every(({ length }) => length < 5000))
    assert.ok((await metric('dicom_lb_spop_errors_total')) > mutations)
  })
})
