import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeAssociateRj, PduType, pduHeaderLength } from '../../agent/dicom/index.ts'
import type { Running } from '../../deploy/local/processes.ts'
import { sum } from '../metrics/support.ts'
import {
  type Balancer,
  type BalancerOptions,
  found,
  metricsText,
  startBalancer,
} from '../support/balancer.ts'
import { statisticsOf, waitUntil } from '../support/haproxy.ts'
import { associateRq, IMPLICIT, image, releaseRq, storeRq } from '../support/messages.ts'
import { acceptingOnly, type Pacs, released, type Script, startPacs } from '../support/pacs.ts'
import { Peer } from '../support/peer.ts'
import { startRelay } from '../support/relay.ts'

const rules = `
rules:
  - { name: direct, when: { callingAE: DIRECT }, route: ct }
  - { name: CT, when: { Modality: CT }, route: ct }
`

describe('agents that fail', () => {
  let pacs: Pacs
  let balancer: Balancer

  async function begin(options: Partial<BalancerOptions> = {}, toProbe?: Script): Promise<void> {
    pacs = await startPacs(undefined, toProbe)
    balancer = await startBalancer({ rules, pools: { ct: [{ name: 'CT', port: pacs.port }] }, ...options })
  }
  afterEach(async () => {
    await balancer.stop()
    await pacs.stop()
  })

  /** Questions of HAProxy's that an agent has taken, and not answered yet. */
  async function asksOf(agent: Running): Promise<{ taken: number; waiting: number }> {
    const metrics = await metricsText(agent)
    const frames = (type: string) => sum(metrics, 'dicom_lb_spop_frames_total', { type })
    return { taken: frames('NOTIFY'), waiting: frames('NOTIFY') - frames('ACK') }
  }

  const kill = (index: number, signal: NodeJS.Signals = 'SIGKILL') => balancer.agents[index]?.stop(signal)

  function signal(name: NodeJS.Signals): void {
    for (const { pid = 0 } of balancer.agents) process.kill(pid, name)
  }

  /** Associates, stores one image and releases; fails where anything is answered but what should be. */
  async function store(callingAE: string): Promise<void> {
    const peer = await Peer.connect(balancer.port)
    peer.send(associateRq({ callingAE }))
    assert.equal((await peer.receive())?.type, PduType.associateAc, `${callingAE}: association`)
    peer.send(storeRq(image()))
    assert.equal((await peer.receive())?.type, PduType.pData, `${callingAE}: C-STORE-RSP`)
    peer.send(releaseRq)
    assert.deepEqual(
      (await peer.rest()).map(({ type }) => type),
      [PduType.releaseRp],
    )
    peer.close()
  }

  /** What an A-ASSOCIATE-RJ says, result, source and reason; or the types of the PDUs that came instead. */
  async function refused(callingAE: string): Promise<string> {
    const peer = await Peer.connect(balancer.port)
    peer.send(associateRq({ callingAE }))
    const pdu = await peer.receive()
    peer.close()
    if (pdu?.type !== PduType.associateRj) return `type ${pdu?.type}`
    return Object.values(decodeAssociateRj(pdu.bytes.subarray(pduHeaderLength))).join()
  }

  test('one of two killed, in the middle of everything: no association fails', async () => {
    await begin()
    const first = Array.from({ length: 60 }, (_, n) => store(`BEFORE-${n}`))
    const killed = kill(0)
    const rest = Array.from({ length: 60 }, (_, n) => store(`AFTER-${n}`))
    await Promise.all([...first, killed, ...rest])
    assert.equal(pacs.stored.length, 120)
  })

  test('a question that dies with its connection, three times: it is asked for the fourth time, whichever it is', async t => {
    const relay = await startRelay()
    t.after(() => relay.stop())
    let cuts = 0
    // HAProxy writes a frame at a time; that of a NOTIFY is 3 (SPOE §3.2.6), behind the length
    relay.cutsAt = frame => frame[4] === 3 && cuts-- > 0
    await begin({
      agents: 1,
      relays: [relay],
      rules: 'rules: [{ name: CT, when: { Modality: CT, PatientID: "P-*" }, route: ct }]',
    })
    await store('BEFORE')
    const peer = await Peer.connect(balancer.port)
    const answer = async (pdu: Buffer) => {
      cuts = 3
      peer.send(pdu)
      const type = (await peer.receive())?.type
      assert.ok(cuts <= 0)
      return type
    }
    assert.equal(await answer(associateRq({ callingAE: 'AGAIN' })), PduType.associateAc)
    assert.equal(await answer(storeRq(image({ study: '1.2.1', patientId: 'P-1' }))), PduType.pData)
    assert.equal(await answer(storeRq(image({ study: '1.2.2', patientId: 'P-2' }))), PduType.pData)
    peer.close()
    assert.match(await balancer.logLine('AGAIN'), / refusal=- .* instances=2\/1\//)
    assert.equal(pacs.stored.length, 3)
  })

  test('... and one for which pools are asked', async t => {
    const relay = await startRelay()
    t.after(() => relay.stop())
    let cuts = 3
    relay.cutsAt = frame => frame[4] === 3 && frame.includes('learn') && cuts-- > 0
    await begin({ agents: 1, relays: [relay] })
    await store('FIRST')
    assert.ok(cuts < 0)
  })

  test('one check that fails: the agent stays up', async t => {
    const relay = await startRelay()
    t.after(() => relay.stop())
    await begin({ agents: 1, relays: [relay] })
    const falls = () => balancer.haproxy.log().match(/agent1 is DOWN/g)?.length
    const before = falls()
    let checks = 0
    relay.cutsAt = frame => frame.includes('healthcheck') && ++checks === 1
    await waitUntil(() => checks > 2)
    assert.equal(falls(), before)
  })

  test('one of two killed while twenty clients wait for a slow pool: none fails, and the other agent asks once more at most', async () => {
    const answer = Promise.withResolvers<void>()
    await begin({}, async (peer, rq) => {
      await answer.promise
      peer.send(acceptingOnly(rq, [IMPLICIT]))
      await released(peer)
    })
    const stores = Array.from({ length: 20 }, () => store('FIRST-TIME'))
    // each is asked about twice, and the second question waits for the pool
    const questions = await waitUntil(async () => {
      const asked = await Promise.all(balancer.agents.map(asksOf))
      const taken = asked.reduce((total, { taken }) => total + taken, 0)
      return taken >= 2 * stores.length ? asked : undefined
    })
    const [first = 0, second = 0] = questions.map(({ waiting }) => waiting)
    const asked = pacs.probes.length
    await kill(first > second ? 0 : 1)
    answer.resolve()
    await Promise.all(stores)
    assert.equal(pacs.stored.length, stores.length)
    assert.ok(pacs.probes.length <= asked + 1, `${asked}, ${pacs.probes.length}`)
  })

  const usage = { 'and nobody was asked before': 0, 'while both are in use': 30 }
  for (const [when, before] of Object.entries(usage)) {
    test(`one of two hangs, ${when}: no association fails, then or later or when it is back`, async () => {
      await begin()
      const stores = (name: string, count: number, gap = 0) =>
        Promise.all(Array.from({ length: count }, (_, n) => sleep(n * gap).then(() => store(`${name}-${n}`))))
      await stores('BEFORE', before)
      const hung = balancer.agents[0]?.pid ?? 0
      process.kill(hung, 'SIGSTOP')
      await Promise.all([stores('HUNG', 30), stores('NEXT', 60, 30)])
      await found(balancer.haproxy, 'DOWN', ['agents/agent1'])
      await stores('LATER', 30)
      process.kill(hung, 'SIGCONT')
      await found(balancer.haproxy, 'UP', ['agents/agent1'])
      await stores('BACK', 30)
      assert.equal(pacs.stored.length, before + 150)
    })
  }

  test('all killed: every client gets a transient A-ASSOCIATE-RJ, direct or not; back when one is back', async t => {
    await begin()
    await Promise.all([kill(0), kill(1)])
    const killed = performance.now()
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) => refused(n % 2 ? 'DIRECT' : `LATER-${n}`)),
    )
    t.diagnostic(
      `the last of ${answers.length} was refused after ${Math.round(performance.now() - killed)} ms`,
    )
    assert.deepEqual([...new Set(answers)], ['2,3,1'])
    await balancer.logged(/ refusal=agents-down /)
    await found(balancer.haproxy, 'DOWN', ['agents/agent1', 'agents/agent2'])
    assert.equal(await refused('STILL'), '2,3,1')
  })

  test('all killed, and clients go on asking: HAProxy does not try to reach one meanwhile', async () => {
    await begin()
    const tried = async () => (await statisticsOf(balancer.haproxy, 'agents/BACKEND')).stot
    let refusals = 0
    let isOver = false
    const clients = Array.from({ length: 20 }, async (_, n) => {
      for (; !isOver; refusals++) await refused(`ASKS-${n}`)
    })
    try {
      await Promise.all([kill(0), kill(1)])
      await found(balancer.haproxy, 'DOWN', ['agents/agent1', 'agents/agent2'])
      await waitUntil(async () => {
        const before = await tried()
        const enough = refusals + 2 * clients.length
        await waitUntil(() => refusals >= enough)
        return before && before === (await tried())
      })
    } finally {
      isOver = true
      await Promise.all(clients)
    }
  })

  test('all hang: every client gets a transient A-ASSOCIATE-RJ; an image is stored when they are back', async () => {
    await begin()
    // with one open connection to an agent, HAProxy 2.6 once let clients wait for ever
    await store('BEFORE')
    signal('SIGSTOP')
    // who is still waiting then is accepted
    const limit = setTimeout(signal, 10_000, 'SIGCONT')
    const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => refused(`HUNG-${n}`)))
    clearTimeout(limit)
    signal('SIGCONT')
    assert.deepEqual([...new Set(answers)], ['2,3,1'])
    await found(balancer.haproxy, 'UP', ['agents/agent1', 'agents/agent2'])
    await store('BACK')
  })

  test('one that is up again is silent: a client that was sending meanwhile is refused', {
    timeout: 30_000,
  }, async () => {
    await begin({ agents: 1 })
    await balancer.haproxy.command('disable health agents/agent1')
    await balancer.haproxy.command('set server agents/agent1 state maint')
    signal('SIGSTOP')
    const peer = await Peer.connect(balancer.port)
    peer.send(associateRq({ callingAE: 'SENDING' }))
    await waitUntil(async () => (await statisticsOf(balancer.haproxy, 'dicom/FRONTEND')).scur === '1')
    await balancer.haproxy.command('set server agents/agent1 state ready')
    await peer.sendByteByByte(storeRq(image({ size: 1000 })))
    const answer = await peer.receive()
    signal('SIGCONT')
    assert.equal(answer?.type, PduType.associateRj)
    peer.close()
  })

  test('all killed between the promise and the dataset: A-ABORT, and the PACS hears nothing', {
    timeout: 60_000,
  }, async () => {
    // no other timer may come to the rescue of the one that is tried here
    await begin({ env: { ASSOCIATE_TIMEOUT: '3600', DATASET_TIMEOUT: '3600' } })
    const peer = await Peer.connect(balancer.port)
    peer.send(associateRq({ callingAE: 'BETWEEN' }))
    assert.equal((await peer.receive())?.type, PduType.associateAc)
    await Promise.all([kill(0), kill(1)])
    peer.send(storeRq(image({ size: 1_000_000 })))
    assert.deepEqual(
      (await peer.rest()).map(({ type }) => type),
      [PduType.abort],
    )
    assert.match(await balancer.logLine('BETWEEN'), / delayed .* refusal=agents-down /)
    assert.equal(pacs.associations.length, 0)
  })

  test('with the one documented line, everything goes to one pool while they are down', async () => {
    const line = /^ {4}#(tcp-request content set-var\(txn\.dicom\.backend\)) str\(general\)/m
    await begin({
      edit: cfg => {
        assert.match(cfg, line)
        return cfg.replace(line, '    $1 str(ct)')
      },
    })
    await Promise.all([kill(0), kill(1)])
    await store('FALLBACK')
  })
})
