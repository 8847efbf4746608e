import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { decodeAssociateRj, decodeCommandSet, decodePData, PduType } from '../../agent/dicom/index.ts'
import { type Balancer, found, startBalancer } from '../support/balancer.ts'
import {
  associateRq,
  CT_IMAGE,
  contexts,
  image,
  implicitDataset,
  MR_IMAGE,
  releaseRq,
  storeRq,
} from '../support/messages.ts'
import { type Pacs, startPacs } from '../support/pacs.ts'
import { Peer } from '../support/peer.ts'

/** So many pools that their names would not fit beside a question, if they were not counted. */
const others = Array.from({ length: 40 }, (_, index) => `a-pool-of-a-long-name-${'x'.repeat(40)}-${index}`)

const rules = `
undecided: fallback
pools:
  main: { calledAE: MAIN }
  fallback: { callingAE: FALLBACK_LB }
  old: { callingAE: OLD_LB, calledAE: OLD }
rules:
  - { name: later, when: { callingAE: LATER }, reject: { reason: no-reason-given, transient: true } }
  - { name: direct, when: { calledAE: DIRECT }, route: [main, fallback] }
  - { name: images, when: { Modality: [CT, PT] }, route: [main, fallback] }
  - { name: canary, when: { Modality: MR }, route: { new: 1, old: 1 }, stick: [PatientID, IssuerOfPatientID] }
  - { name: all, when: { Modality: XX }, route: [${others.join(', ')}] }
`
const presentationContexts = contexts([CT_IMAGE, MR_IMAGE])

describe('outcomes', () => {
  const nodes: Partial<Record<'main' | 'fallback' | 'new' | 'old', Pacs>> = {}
  let balancer: Balancer

  before(async () => {
    for (const pool of ['main', 'fallback', 'new', 'old'] as const) nodes[pool] = await startPacs()
    const pools = Object.entries(nodes).map(([pool, { port }]) => [pool, port] as const)
    const more = others.map(pool => [pool, nodes.new?.port ?? 0] as const)
    balancer = await startBalancer({
      rules,
      pools: Object.fromEntries([...pools, ...more].map(([pool, port]) => [pool, [{ name: 'S', port }]])),
    })
  })
  after(async () => {
    await balancer?.stop()
    await Promise.all(Object.values(nodes).map(node => node.stop()))
  })

  async function associate(callingAE: string, calledAE = 'TAGS', rq = {}): Promise<Peer> {
    const peer = await Peer.connect(balancer.port)
    peer.send(associateRq({ callingAE, calledAE, presentationContexts, ...rq }))
    return peer
  }

  async function accepted(peer: Peer): Promise<void> {
    assert.equal((await peer.receive())?.type, PduType.associateAc)
  }

  async function status(peer: Peer): Promise<number | undefined> {
    const pdu = await peer.receive()
    assert.equal(pdu?.type, PduType.pData)
    return decodePData(pdu.bytes.subarray(6)).map(({ data }) => decodeCommandSet(data).elements.Status)[0]
  }

  async function end(peer: Peer): Promise<void> {
    peer.send(releaseRq)
    await peer.rest()
    peer.close()
  }

  /** Sends one instance, and returns HAProxy's line. */
  async function send(callingAE: string, dataset: Buffer, calledAE?: string): Promise<string> {
    const peer = await associate(callingAE, calledAE)
    await accepted(peer)
    peer.send(storeRq(dataset))
    assert.equal(await status(peer), 0)
    await end(peer)
    return balancer.logLine(callingAE)
  }

  const titles = (pacs: Pacs | undefined) => {
    const { callingAE, calledAE } = pacs?.associations.at(-1) ?? {}
    return [callingAE, calledAE]
  }

  test('the PACS sees the AE titles of its pool, on both paths', async () => {
    assert.match(await send('CT1', image()), / delayed main\/S rule="images" calling="CT1" called="TAGS" /)
    assert.deepEqual(titles(nodes.main), ['CT1', 'MAIN'])
    assert.match(await send('CT2', image(), 'DIRECT'), / direct main\/S rule="direct" /)
    assert.deepEqual(titles(nodes.main), ['CT2', 'MAIN'])
  })

  test('by weights each patient goes one way, and some go another', async () => {
    const ways = new Map<string, string>()
    for (const round of [1, 2, 3]) {
      for (let patient = 0; patient < 8; patient++) {
        const line = await send(`W${patient}-${round}`, image({ modality: 'MR', patientId: `P${patient}` }))
        const way = line.match(/ delayed (\w+)\/S rule="canary" /)?.[1] ?? line
        assert.equal(ways.get(`P${patient}`) ?? way, way)
        ways.set(`P${patient}`, way)
      }
    }
    assert.deepEqual([...new Set(ways.values())].sort(), ['new', 'old'])
    assert.deepEqual(titles(nodes.old), ['OLD_LB', 'OLD'])
  })

  test('what the head does not decide goes where the rules say', async () => {
    const line = await send(
      'UNDECIDED',
      implicitDataset({ '00080008': Buffer.alloc(400_000), '00080060': 'CT' }),
    )
    assert.match(line, / delayed fallback\/S rule="undecided" .* refusal=- error=- /)
  })

  test('the largest A-ASSOCIATE-RQ and the names of all pools fit into a question', async () => {
    const padded = (bytes: number) => ({
      userIdentity: {
        type: 1,
        positiveResponseRequested: false,
        primary: Buffer.alloc(bytes, 'x'),
        secondary: Buffer.alloc(0),
      },
    })
    const size = (rq: object) =>
      associateRq({ callingAE: 'LARGE', calledAE: 'DIRECT', presentationContexts, ...rq }).length
    const names = Object.keys(nodes).concat(others, 'agents')
    const stale = 8 * (Math.max(...names.map(({ length }) => length)) + '=01234567 '.length)
    const most = 65532 - 512 - names.join(' ').length - 1 - stale - size(padded(0))

    const largest = await associate('LARGEST', 'DIRECT', padded(most))
    await accepted(largest)
    await end(largest)
    assert.match(await balancer.logLine('LARGEST'), / direct main\/S .* refusal=- error=- /)

    const larger = await associate('LARGER', 'DIRECT', padded(most + 1))
    assert.equal((await larger.receive())?.type, PduType.associateRj)
    larger.close()
    await balancer.logged(/ refusal=request-too-large /)
  })

  test('a rule rejects as transient', async () => {
    const peer = await associate('LATER')
    const pdu = await peer.receive()
    assert.equal(pdu?.type, PduType.associateRj)
    assert.deepEqual(decodeAssociateRj(pdu.bytes.subarray(6)), { result: 2, source: 1, reason: 1 })
    peer.close()
  })

  test('a fallback keeps what was bound to it when the main pool comes back', async () => {
    await balancer.haproxy.command('disable server main/S')
    const peer = await associate('BOUND')
    await accepted(peer)
    peer.send(storeRq(image({ study: '1.2.1' })))
    assert.equal(await status(peer), 0)

    await balancer.haproxy.command('enable server main/S')
    assert.match(await send('NEXT', image()), / delayed main\/S /)
    peer.send(storeRq(image({ modality: 'PT', study: '1.2.2' }), { contextId: 3, messageId: 2 }))
    assert.equal(await status(peer), 0)
    peer.send(storeRq(image({ modality: 'MR', study: '1.2.3' }), { contextId: 3, messageId: 3 }))
    assert.equal(await status(peer), 0xa700)
    await end(peer)
    assert.match(
      await balancer.logLine('BOUND'),
      / delayed fallback\/S rule="images" .* instances=2\/2\/-\/1 /,
    )
  })

  test('when the main pool is gone, the next associations go to the fallback', async () => {
    await nodes.main?.stop()
    delete nodes.main
    await found(balancer.haproxy, 'DOWN', ['main/S'])
    assert.match(await send('GONE1', image()), / delayed fallback\/S rule="images" .* refusal=- /)
    assert.deepEqual(titles(nodes.fallback), ['FALLBACK_LB', 'TAGS'])
    assert.match(await send('GONE2', image(), 'DIRECT'), / direct fallback\/S rule="direct" .* refusal=- /)
    assert.deepEqual(titles(nodes.fallback), ['FALLBACK_LB', 'DIRECT'])
  })
})
