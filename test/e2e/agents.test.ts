import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { decodeAssociateRj, PduType, pduHeaderLength } from '../../agent/dicom/index.ts'
import { type Balancer, type BalancerOptions, found, startBalancer } from '../support/balancer.ts'
import { associateRq, image, releaseRq, storeRq } from '../support/messages.ts'
import { type Pacs, startPacs } from '../support/pacs.ts'
import { Peer } from '../support/peer.ts'

const rules = `
rules:
  - { name: direct, when: { callingAE: DIRECT }, route: ct }
  - { name: CT, when: { Modality: CT }, route: ct }
`

describe('agents that fail', () => {
  let pacs: Pacs
  let balancer: Balancer

  async function begin(options: Partial<BalancerOptions> = {}): Promise<void> {
    pacs = await startPacs()
    balancer = await startBalancer({ rules, pools: { ct: [{ name: 'CT', port: pacs.port }] }, ...options })
  }
  afterEach(async () => {
    await balancer.stop()
    await pacs.stop()
  })

  const kill = (index: number, signal: NodeJS.Signals = 'SIGKILL') => balancer.agents[index]?.stop(signal)

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

  /** How an attempt to store ends: stored, or the PDU types that said no. */
  async function attempt(callingAE: string): Promise<string> {
    const peer = await Peer.connect(balancer.port)
    peer.send(associateRq({ callingAE }))
    const answer = await peer.receive()
    if (answer?.type === PduType.associateRj) {
      peer.close()
      return `RJ ${Object.values(decodeAssociateRj(answer.bytes.subarray(pduHeaderLength))).join()}`
    }
    peer.send(storeRq(image()))
    const response = await peer.receive()
    peer.close()
    return response?.type === PduType.pData ? 'stored' : `type ${response?.type}`
  }

  test('one of two hangs: refused at worst until a check finds it, and after that nobody', async () => {
    await begin()
    const hung = balancer.agents[0]?.pid ?? 0
    process.kill(hung, 'SIGSTOP')
    const outcomes = await Promise.all(Array.from({ length: 30 }, (_, n) => attempt(`HUNG-${n}`)))
    // a second question may meet the hung agent again, above all on HAProxy 3.2: then the client is told to retry
    const multiplexed = !/haproxy version is (2|3\.0)\./i.test(balancer.haproxy.log())
    const proper = multiplexed ? ['stored', 'RJ 2,3,1', `type ${PduType.abort}`] : ['stored']
    assert.deepEqual(
      outcomes.filter(outcome => !proper.includes(outcome)),
      [],
    )
    await found(balancer.haproxy, 'DOWN', ['agents/agent1'])
    await Promise.all(Array.from({ length: 30 }, (_, n) => store(`LATER-${n}`)))
    process.kill(hung, 'SIGCONT')
  })

  test('all killed: every client gets a transient A-ASSOCIATE-RJ, direct or not; back when one is back', async () => {
    await begin()
    await Promise.all([kill(0), kill(1)])
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) => refused(n % 2 ? 'DIRECT' : `LATER-${n}`)),
    )
    assert.deepEqual([...new Set(answers)], ['2,3,1'])
    await balancer.logged(/ refusal=agents-down /)
    await found(balancer.haproxy, 'DOWN', ['agents/agent1', 'agents/agent2'])
    assert.equal(await refused('STILL'), '2,3,1')
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
