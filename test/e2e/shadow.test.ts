import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { PduType } from '../../agent/dicom/index.ts'
import { type Balancer, startBalancer } from '../support/balancer.ts'
import { associate } from '../support/client.ts'
import { waitUntil } from '../support/haproxy.ts'
import { associateRq, CT_IMAGE, contexts, IMPLICIT } from '../support/messages.ts'
import { generator, outcome, packed, rules, whole } from '../support/mixed.ts'
import { acceptingOnly, type Pacs, released, startPacs } from '../support/pacs.ts'
import { Peer } from '../support/peer.ts'

const first = `rules:
  - { name: direct, when: { callingAE: ANYONE }, route: ct }
  - { name: strangers, when: { callingAE: STRANGER }, reject: calling-ae-title-not-recognized }`

const J2K = '1.2.840.10008.1.2.4.90'

describe('shadow mode', () => {
  const nodes: Record<string, Pacs> = {}
  let balancer: Balancer

  before(async () => {
    for (const pool of ['ct', 'mr']) nodes[pool] = await startPacs()
    nodes.general = await startPacs(undefined, async (peer, rq) => {
      peer.send(acceptingOnly(rq, [J2K, IMPLICIT], 20_000))
      await released(peer)
    })
    balancer = await startBalancer({
      rules: rules.replace('rules:', first),
      pools: Object.fromEntries(
        Object.entries(nodes).map(([pool, { port }]) => [pool, [{ name: pool, port }]]),
      ),
      env: { SHADOW_POOL: 'general' },
    })
  })
  after(async () => {
    await balancer?.stop()
    for (const node of Object.values(nodes)) await node.stop()
  })

  const logged = (pattern: RegExp) =>
    waitUntil(() => balancer.agents.some(agent => pattern.test(agent.output())))

  test('an association with instances of several pools: all go to the one pool, and the log says where each would', async () => {
    const { statuses } = await outcome(balancer.port, 'GATEWAY', packed(whole, generator(1)), false)
    assert.deepEqual([...new Set(statuses)], [0])
    assert.equal(nodes.general?.stored.length, statuses.length)
    await logged(/"step":"dataset".*"backend":"general".*"shadowRule":"CT","shadowPool":"ct"/)
    await logged(/"step":"instance".*"verdict":"follow","shadowRule":"MR","shadowPool":"mr"/)
    assert.match(await balancer.logLine('GATEWAY'), / delayed general\/general rule="shadow" /)
  })

  test('an association that a rule decides alone, or rejects: the same, on the direct path', async () => {
    for (const rq of [{ callingAE: 'ANYONE' }, { callingAE: 'STRANGER' }]) {
      const peer = await Peer.connect(balancer.port)
      peer.send(associateRq(rq))
      assert.equal((await peer.receive())?.type, PduType.associateAc)
      peer.close()
      assert.match(await balancer.logLine(rq.callingAE), / direct general\/general rule="shadow" /)
    }
    await logged(/"step":"associate".*"calling":"ANYONE".*"shadowRule":"direct","shadowPool":"ct"/)
    await logged(
      /"calling":"STRANGER".*"shadowRule":"strangers","shadowRefusal":"calling-ae-title-not-recognized"/,
    )
  })

  test('what is promised is what the one pool accepts, whatever is declared of the others', async () => {
    const presentationContexts = contexts([CT_IMAGE], ['1.2.840.10008.1.2.4.70', J2K, IMPLICIT])
    const { peer, ac } = await associate(balancer, { callingAE: 'LOSSLESS', presentationContexts })
    assert.deepEqual(ac?.presentationContexts, [{ id: 1, result: 0, transferSyntax: J2K }])
    assert.equal(ac?.maxPduLength, 20_000)
    peer.close()
  })

  test('nothing went anywhere else, not even a question', () => {
    const { ct, mr } = nodes
    assert.deepEqual(
      [ct, mr].map(node => [node?.associations.length, node?.probes.length]),
      [
        [0, 0],
        [0, 0],
      ],
    )
  })
})
