import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import {
  decodeCommandSet,
  decodePData,
  encodeAbort,
  encodeCommandSet,
  encodePData,
  PduType,
  pduHeaderLength,
} from '../../agent/dicom/index.ts'
import { type Balancer, startBalancer } from '../support/balancer.ts'
import { statisticsOf, waitUntil } from '../support/haproxy.ts'
import {
  associateRq,
  CT_IMAGE,
  commandOnly,
  contexts,
  datasetPdus,
  image,
  implicitDataset,
  MR_IMAGE,
  releaseRq,
  type StoreOptions,
  storeRq,
  VERIFICATION,
} from '../support/messages.ts'
import { associateAc, type Pacs, type Stored, serve, startPacs } from '../support/pacs.ts'
import { breakOff, Peer } from '../support/peer.ts'

const rules = (mixed: string) => `
mixed: ${mixed}
rules:
  - { name: VIP, when: { PatientID: 'VIP*' }, route: mr }
  - { name: CT, when: { Modality: [CT, PT] }, route: ct }
  - { name: MR, when: { Modality: MR }, route: mr }
  - { name: nobody, when: { Modality: XX }, reject: no-reason-given }
`
const presentationContexts = contexts([CT_IMAGE, MR_IMAGE, VERIFICATION])
const contextOf: Record<string, number> = { CT: 1, MR: 3, XX: 1 }

type Instance = Parameters<typeof image>[0] & StoreOptions

/** An instance of a study of its modality, but for what `instance` says. */
function instanceOf(modality: string, instance: Instance = {}): Buffer {
  const study = `1.2.${modality.charCodeAt(0)}`
  const options = { contextId: contextOf[modality] ?? 1, sopInstance: `${modality}.${instance.messageId}` }
  return storeRq(image({ modality, study, ...instance }), { ...options, ...instance })
}

const outOfResources = 0xa700

/** HAProxy's configuration, with a file of this folder loaded after its own. */
const withLua = (file: string) => (cfg: string) =>
  cfg.replace(
    /(lua-load-per-thread) guard\.lua/,
    `$&\n    $1 ${fileURLToPath(new URL(file, import.meta.url))}`,
  )

// each of several starts a balancer: with all at once, PACS nodes of this process are silent too long
describe('the guard', { concurrency: 4 }, () => {
  let ct: Pacs
  let mr: Pacs
  const balancers: Partial<Record<'refuse' | 'follow' | 'instance' | 'alone' | 'followAlone', Balancer>> = {}

  before(async () => {
    ct = await startPacs()
    mr = await startPacs()
    const pools = { ct: [{ name: 'CT', port: ct.port }], mr: [{ name: 'MR', port: mr.port }] }
    balancers.refuse = await startBalancer({ rules: rules('refuse'), pools })
    balancers.follow = await startBalancer({ rules: rules('follow'), pools })
    balancers.instance = await startBalancer({ rules: rules('instance'), pools })
    balancers.alone = await startBalancer({ rules: rules('refuse'), pools, agents: 1 })
    balancers.followAlone = await startBalancer({ rules: rules('follow'), pools, agents: 1 })
  })
  after(async () => {
    await Promise.all(Object.values(balancers).map(balancer => balancer.stop()))
    await Promise.all([ct?.stop(), mr?.stop()])
  })

  type Mode = keyof typeof balancers
  const balancer = (mode: Mode): Balancer => balancers[mode] as Balancer

  function associate(callingAE: string, mode: Mode = 'refuse'): Promise<Peer> {
    return associateBy(balancer(mode), callingAE)
  }

  async function associateBy({ port }: Balancer, callingAE: string): Promise<Peer> {
    const peer = await Peer.connect(port)
    peer.send(associateRq({ callingAE, presentationContexts }))
    assert.equal((await peer.receive())?.type, PduType.associateAc)
    return peer
  }

  /** "message id: status" of the next `count` responses. */
  async function responses(peer: Peer, count: number): Promise<string[]> {
    const statuses: string[] = []
    while (statuses.length < count) {
      const pdu = await peer.receive()
      assert.equal(pdu?.type, PduType.pData)
      for (const pdv of decodePData(pdu.bytes.subarray(pduHeaderLength))) {
        const { MessageIDBeingRespondedTo: id, Status = 0 } = decodeCommandSet(pdv.data).elements
        statuses.push(`${id}: ${Status.toString(16)}`)
      }
    }
    return statuses
  }

  async function release(peer: Peer): Promise<void> {
    peer.send(releaseRq)
    const rest = await peer.rest()
    assert.deepEqual(
      rest.map(({ type }) => type),
      [PduType.releaseRp],
    )
    peer.close()
  }

  function storedBy(pacs: Pacs, callingAE: string): string[] {
    return pacs.stored.filter(({ rq }) => rq.callingAE === callingAE).map(({ sopInstance }) => sopInstance)
  }

  /** What HAProxy's log counts: passed / held / followed / refused. */
  async function counted(callingAE: string, mode: Mode = 'refuse'): Promise<string | undefined> {
    return (await balancer(mode).logLine(callingAE)).match(/ instances=(\S+) /)?.[1]
  }

  test('CT, MR, CT, MR: the CTs arrive, the MRs are refused to be sent again, and then arrive', async () => {
    const peer = await associate('MIXED')
    for (const [index, modality] of ['CT', 'MR', 'CT', 'MR'].entries()) {
      peer.send(instanceOf(modality, { messageId: index + 1 }))
      const status = modality === 'CT' ? '0' : outOfResources.toString(16)
      assert.deepEqual(await responses(peer, 1), [`${index + 1}: ${status}`])
    }
    await release(peer)
    assert.deepEqual(storedBy(ct, 'MIXED'), ['CT.1', 'CT.3'])
    assert.deepEqual(storedBy(mr, 'MIXED'), [])
    assert.equal(await counted('MIXED'), '2/2/-/2')

    const again = await associate('AGAIN')
    again.send(instanceOf('MR', { messageId: 2 }), instanceOf('MR', { messageId: 4 }))
    assert.deepEqual(await responses(again, 2), ['2: 0', '4: 0'])
    await release(again)
    assert.deepEqual(storedBy(mr, 'AGAIN'), ['MR.2', 'MR.4'])
  })

  test('the agent logs each question with rule, pool and verdict', async () => {
    const peer = await associate('LOGGED')
    peer.send(instanceOf('CT'), instanceOf('MR', { messageId: 2, patientId: 'SECRET' }))
    await responses(peer, 2)
    await release(peer)
    const id = (await balancer('refuse').logLine('LOGGED')).match(/[0-9a-f-]{36}/)?.[0]
    const lines = () => balancer('refuse').agents.flatMap(agent => agent.output().split('\n'))
    const logged = await waitUntil(() =>
      lines().find(line => line.includes(`${id}`) && line.includes('"instance"')),
    )
    const { rule, pool, bound, verdict } = JSON.parse(logged)
    assert.deepEqual(
      { rule, pool, bound, verdict },
      { rule: 'MR', pool: 'mr', bound: 'ct', verdict: 'refuse' },
    )
    assert.ok(!lines().some(line => line.includes('SECRET')))
  })

  test('responses come in order, though nobody waits for them', async () => {
    const peer = await associate('PIPELINED')
    const order = ['CT', 'MR', 'MR', 'CT', 'CT', 'MR', 'CT', 'MR']
    const echo = (messageId: number) => commandOnly(0x0030, { contextId: 5, messageId })
    peer.send(...order.flatMap((modality, n) => [instanceOf(modality, { messageId: n }), echo(100 + n)]))
    const expected = order.flatMap((modality, n) => [
      `${n}: ${modality === 'CT' ? '0' : outOfResources.toString(16)}`,
      `${100 + n}: 0`,
    ])
    assert.deepEqual(await responses(peer, expected.length), expected)
    await release(peer)
    assert.deepEqual(storedBy(ct, 'PIPELINED'), ['CT.0', 'CT.3', 'CT.4', 'CT.6'])
  })

  test('another study that belongs to the same pool passes, and what is alike to the rules is asked about once', async () => {
    const peer = await associate('STUDIES')
    for (const [n, modality] of ['CT', 'CT', 'PT', 'CT', 'PT', 'PT'].entries()) {
      const contextId = 1
      peer.send(instanceOf(modality, { messageId: n, study: `1.2.3.${n}`, contextId }))
      assert.deepEqual(await responses(peer, 1), [`${n}: 0`])
    }
    await release(peer)
    assert.equal(await counted('STUDIES'), '6/1/-/-')
  })

  test('alike is what no rule could tell apart: all attributes count, of all rules', async () => {
    const peer = await associate('RULES')
    peer.send(instanceOf('CT'), instanceOf('CT', { messageId: 2, study: '1.2.9', patientId: 'VIP-1' }))
    assert.deepEqual(await responses(peer, 2), ['1: 0', '2: a700'])
    await release(peer)
  })

  test('the study is that of the image, not one that it refers to', async () => {
    const own = (study: string) => element(0x0020000d, Buffer.from(`${study}\0`))
    const modality = element(0x00080060, Buffer.from('MR'))
    const item = element(0xfffee000, own('1.2.3'))
    const openItem = [element(0xfffee000, own('1.2.3'), true), element(0xfffee00d, none)]
    const sequences = {
      'of known length': [element(0x00081200, item)],
      'of unknown length': [element(0x00081200, none, true), ...openItem, element(0xfffee0dd, none)],
    }
    for (const [length, sequence] of Object.entries(sequences)) {
      const peer = await associate(`REFERS ${length.length}`)
      peer.send(instanceOf('CT', { study: '1.2.3' }))
      const refers = Buffer.concat([modality, ...sequence, own('1.2.9')])
      peer.send(storeRq(refers, { contextId: 3, messageId: 2 }))
      assert.deepEqual(await responses(peer, 2), ['1: 0', '2: a700'], length)
      const belongs = Buffer.concat([modality, ...sequence, own('1.2.3')])
      peer.send(storeRq(belongs, { contextId: 3, messageId: 3 }))
      const has = Buffer.concat([modality, ...sequence, element(0x00200010, none)])
      peer.send(storeRq(has, { contextId: 3, messageId: 4 }))
      assert.deepEqual(await responses(peer, 2), ['3: 0', '4: a700'], length)
      await release(peer)
    }
  })

  test('a release that is sent with what is refused comes after the refusal', async () => {
    const peer = await associate('RELEASED')
    peer.send(instanceOf('CT'), instanceOf('MR', { messageId: 2 }), releaseRq)
    assert.deepEqual(await responses(peer, 2), ['1: 0', '2: a700'])
    assert.deepEqual(
      (await peer.rest()).map(({ type }) => type),
      [PduType.releaseRp],
    )
    peer.close()
  })

  test('what is alike is alike in its context only', async () => {
    const peer = await associate('ALIKE')
    const again = { study: '1.2.9', messageId: 2 }
    peer.send(instanceOf('CT'), instanceOf('CT', { ...again, contextId: 3 }), instanceOf('CT', again))
    await responses(peer, 3)
    await release(peer)
    assert.equal(await counted('ALIKE'), '3/1/-/-')
  })

  test('a study whose UID begins like that of the first is another', async () => {
    const peer = await associate('PREFIX')
    peer.send(instanceOf('CT', { study: '1.2.3' }), instanceOf('MR', { messageId: 2, study: '1.2.34' }))
    assert.deepEqual(await responses(peer, 2), ['1: 0', '2: a700'])
    await release(peer)
  })

  test('the same study passes unasked; with mixed: instance every instance is judged', async () => {
    for (const [mode, status, count] of [
      ['refuse', '0', '2/-/-/-'],
      ['instance', 'a700', '1/1/-/1'],
    ] as const) {
      const peer = await associate('STUDY', mode)
      peer.send(instanceOf('CT', { study: '1.2' }), instanceOf('MR', { messageId: 2, study: '1.2' }))
      assert.deepEqual(await responses(peer, 2), ['1: 0', `2: ${status}`])
      await release(peer)
      assert.equal(await counted('STUDY', mode), count)
    }
  })

  test('the same study is known, too, where it stands far into the dataset', async () => {
    const far = (modality: string, messageId: number) => {
      const dataset = implicitDataset({
        '00080060': modality,
        '00104000': Buffer.alloc(20_000, 'x'),
        '0020000d': '1.22',
      })
      return storeRq(dataset, { contextId: contextOf[modality] ?? 1, messageId })
    }
    const peer = await associate('FAR')
    peer.send(far('CT', 1), far('MR', 2))
    assert.deepEqual(await responses(peer, 2), ['1: 0', '2: 0'])
    await release(peer)
    assert.equal(await counted('FAR'), '2/-/-/-')
  })

  test('with mixed: follow they go along, and are counted', async () => {
    const peer = await associate('FOLLOW', 'follow')
    peer.send(instanceOf('CT', { messageId: 1 }), instanceOf('MR', { messageId: 2 }))
    assert.deepEqual(await responses(peer, 2), ['1: 0', '2: 0'])
    await release(peer)
    assert.deepEqual(storedBy(ct, 'FOLLOW'), ['CT.1', 'MR.2'])
    assert.equal(await counted('FOLLOW', 'follow'), '1/1/1/-')
  })

  test('what the rules reject, and what has no study, is judged too', async () => {
    const peer = await associate('REJECTED')
    peer.send(instanceOf('CT', { study: '' }), instanceOf('XX', { messageId: 2, study: '' }))
    peer.send(instanceOf('CT', { messageId: 3, study: '' }))
    assert.deepEqual(await responses(peer, 3), ['1: 0', '2: a700', '3: 0'])
    await release(peer)
    assert.equal(await counted('REJECTED'), '2/1/-/1')
  })

  test('several PDVs in a PDU, also of different messages', async () => {
    const peer = await associate('PACKED')
    const messages = ['CT', 'MR', 'CT', 'MR'].map((modality, n) =>
      instanceOf(modality, { messageId: n, fragment: 300 }),
    )
    peer.send(...packed(pdvs(Buffer.concat(messages)), 7))
    assert.deepEqual(await responses(peer, 4), ['0: 0', '1: a700', '2: 0', '3: a700'])
    await release(peer)
    assert.deepEqual(storedBy(ct, 'PACKED'), ['CT.0', 'CT.2'])
  })

  test('when no agent answers, what is not known to belong here is refused', async () => {
    const peer = await associate('ALONE', 'alone')
    peer.send(instanceOf('CT'))
    assert.deepEqual(await responses(peer, 1), ['1: 0'])
    const [agent] = balancer('alone').agents
    process.kill(agent?.pid ?? 0, 'SIGSTOP')
    peer.send(instanceOf('PT', { messageId: 2, contextId: 1 }))
    assert.deepEqual(await responses(peer, 1), ['2: a700'])
    await agent?.stop('SIGKILL')
    peer.send(instanceOf('CT', { messageId: 3 }))
    peer.send(instanceOf('PT', { messageId: 4, contextId: 1 }))
    assert.deepEqual(await responses(peer, 2), ['3: 0', '4: a700'])
    await release(peer)
  })

  test('with mixed: follow they go along even when no agent answers', async () => {
    const peer = await associate('FOLLOWALONE', 'followAlone')
    peer.send(instanceOf('CT'))
    assert.deepEqual(await responses(peer, 1), ['1: 0'])
    await balancer('followAlone').agents[0]?.stop()
    peer.send(instanceOf('MR', { messageId: 2 }))
    assert.deepEqual(await responses(peer, 1), ['2: 0'])
    await release(peer)
  })

  test('a refused instance of 200 MB takes no memory', async () => {
    const peer = await associate('LARGE')
    peer.send(instanceOf('CT'))
    await responses(peer, 1)
    const before = await peakMemory(balancer('refuse').haproxy.pid)
    peer.send(instanceOf('MR', { messageId: 2, last: false }))
    const part = Buffer.alloc(2_000_000, 7)
    const options = { contextId: 3, fragment: 131066 }
    const pdus = datasetPdus(part, { ...options, last: false })
    for (let sent = 0; sent < 200_000_000; sent += part.length) {
      await new Promise(resolve => peer.socket.write(pdus, resolve))
      await setImmediate() // the PACS nodes of this process have their turn
    }
    peer.send(datasetPdus(part, options))
    assert.deepEqual(await responses(peer, 1), ['2: a700'])
    peer.send(instanceOf('CT', { messageId: 3 }))
    assert.deepEqual(await responses(peer, 1), ['3: 0'])
    await release(peer)
    assert.deepEqual(storedBy(ct, 'LARGE'), ['CT.undefined', 'CT.3'])
    const grown = (await peakMemory(balancer('refuse').haproxy.pid)) - before
    assert.ok(grown < 10_000_000, `HAProxy grew by ${grown} bytes`)
  })

  test('a client that aborts, or goes, in the middle of a held instance leaves nothing of it at the PACS', async () => {
    for (const end of [encodeAbort({ source: 0, reason: 0 }), Buffer.alloc(0)]) {
      const callingAE = `GONE-${end.length}`
      const peer = await associate(callingAE)
      peer.send(instanceOf('CT'))
      await responses(peer, 1)
      peer.send(instanceOf('MR', { messageId: 2, last: false }), end)
      peer.socket.end()
      await balancer('refuse').logLine(callingAE)
      assert.deepEqual(storedBy(ct, callingAE), ['CT.undefined'])
      peer.close()
    }
  })

  for (const [how, ends] of [
    ['breaks', (peer: Peer) => breakOff(peer.socket)],
    ['times out', () => {}],
  ] as const) {
    test(`a client whose connection ${how} while an instance is held leaves nothing of it at the PACS`, async t => {
      const stored: Stored[] = []
      const ended = Promise.withResolvers<void>()
      const pacs = await startPacs(async (peer, rq) => {
        await serve({ stored }, peer, rq)
        ended.resolve()
      })
      t.after(() => pacs.stop())
      const held = await startBalancer({
        rules: rules('refuse'),
        pools: { ct: [{ name: 'CT', port: pacs.port }], mr: [{ name: 'MR', port: mr.port }] },
        agents: 1,
        edit: haproxyCfg => haproxyCfg.replace(/timeout client +1h/, 'timeout client 4s'),
      })
      t.after(() => held.stop())

      const peer = await associateBy(held, 'HELD')
      peer.send(instanceOf('CT', { messageId: 1 }))
      assert.deepEqual(await responses(peer, 1), ['1: 0'])
      process.kill(held.agents[0]?.pid ?? 0, 'SIGSTOP')
      const asked = (await sessions(held, 'guard')).ever
      peer.send(instanceOf('MR', { messageId: 2 }))
      await waitUntil(async () => (await sessions(held, 'guard')).ever > asked)
      ends(peer)
      await ended.promise
      assert.deepEqual(
        stored.map(({ sopInstance }) => sopInstance),
        ['CT.1'],
      )
      process.kill(held.agents[0]?.pid ?? 0, 'SIGCONT')
      peer.close()
    })
  }

  test('a refusal does not come between a command of the PACS and its dataset', async t => {
    const withDataset = storeRq(image(), { contextId: 1, commandField: 0x0100 })
    const commandLength = pduHeaderLength + withDataset.readUInt32BE(2)
    const judged = Promise.withResolvers<void>()
    const pacs = await startPacs(async (peer, rq) => {
      peer.send(associateAc(rq))
      while ((await peer.receive())?.bytes.at(pduHeaderLength + 5) !== 2);
      peer.send(success(1, 1), withDataset.subarray(0, commandLength))
      await judged.promise
      peer.send(withDataset.subarray(commandLength))
      await peer.rest()
    })
    t.after(() => pacs.stop())
    const pools = { ct: [{ name: 'CT', port: pacs.port }], mr: [{ name: 'MR', port: mr.port }] }
    const between = await startBalancer({ rules: rules('refuse'), pools })
    t.after(() => between.stop())

    const peer = await associateBy(between, 'BETWEEN')
    peer.send(instanceOf('CT', { messageId: 1 }))
    assert.deepEqual(await responses(peer, 1), ['1: 0'])
    assert.deepEqual((await peer.receive())?.bytes, withDataset.subarray(0, commandLength))
    peer.send(instanceOf('MR', { messageId: 2 }))
    await waitUntil(() => between.agents.some(({ output }) => output().includes('"verdict":"refuse"')))
    await waitUntil(async () => (await sessions(between, 'guard')).now === 0)
    judged.resolve()
    assert.deepEqual((await peer.receive())?.bytes, withDataset.subarray(commandLength))
    assert.deepEqual(await responses(peer, 1), ['2: a700'])
    peer.close()
  })

  test('a defect of the guard ends the association, and nothing passes any more, from either side', async t => {
    const aborted = Promise.withResolvers<void>()
    let reached = -1
    const pacs = await startPacs(async (peer, rq) => {
      peer.send(associateAc(rq))
      await aborted.promise
      reached = peer.buffered
      peer.send(success(1, 1))
    })
    t.after(() => pacs.stop())
    const pools = { ct: [{ name: 'CT', port: pacs.port }], mr: [{ name: 'MR', port: mr.port }] }
    const failing = await startBalancer({ rules: rules('refuse'), pools, edit: withLua('broken-guard.lua') })
    t.after(() => failing.stop())

    const peer = await associateBy(failing, 'BROKEN')
    peer.send(instanceOf('CT', { messageId: 1 }))
    assert.equal((await peer.receive())?.type, PduType.abort)
    aborted.resolve()
    assert.deepEqual(await peer.rest(), [])
    peer.close()
    assert.match(await failing.logLine('BROKEN'), / delayed ct\/CT .* refusal=guard-failed /)
    assert.equal(reached, 0)
    assert.match(failing.haproxy.log(), /guard\.lua: .*broken for a test/)
  })

  test('the first dataset needs no timer, which HAProxy may miss, to pass when the PACS has accepted', async t => {
    const pools = { ct: [{ name: 'CT', port: ct.port }], mr: [{ name: 'MR', port: mr.port }] }
    const moved = await startBalancer({ rules: rules('refuse'), pools, edit: withLua('moving-clock.lua') })
    t.after(() => moved.stop())
    const send = async () => {
      const peer = await associateBy(moved, 'MOVED')
      peer.send(instanceOf('CT', { messageId: 1 }))
      assert.deepEqual(await responses(peer, 1), ['1: 0'])
      await release(peer)
    }
    for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 32 }, send))
    // what misses its timer waits for the one of `option contstats`
    assert.deepEqual(moved.haproxy.log().match(/.* ms=\S+\/([5-9]|\d\d)\d{3} .*/g) ?? [], [])
  })

  test('what cannot be followed is aborted on both sides', async () => {
    const peer = await associate('MALFORMED')
    peer.send(instanceOf('CT'))
    await responses(peer, 1)
    const dataset = encodePData([{ contextId: 1, command: false, last: true, data: Buffer.alloc(10) }])
    peer.send(dataset)
    assert.deepEqual(
      (await peer.rest()).map(({ type }) => type),
      [PduType.abort],
    )
    peer.close()
    assert.match(await balancer('refuse').logLine('MALFORMED'), /refusal=malformed-pdata/)
  })

  for (const [ends, end] of [
    ['closes', (peer: Peer) => void peer.socket.end()],
    ['breaks', (peer: Peer) => breakOff(peer.socket)],
  ] as const) {
    test(`the A-ABORT comes behind a whole PDU of the PACS, and nothing behind the A-ABORT, when the PACS ${ends}`, async t => {
      const answer = storeRq(image({ size: 40_000 }), { commandField: 0x8020, fragment: 60_000 })
      const ended = Promise.withResolvers<void>()
      const begun = answer.length - 20_000
      const pacs = await startPacs(async (peer, rq) => {
        peer.send(associateAc(rq))
        await peer.receive()
        peer.send(answer.subarray(0, begun))
        while ((await peer.receive())?.type !== PduType.abort);
        peer.send(answer.subarray(begun), success(1, 1))
        await ended.promise
        await new Promise(resolve =>
          peer.socket.write(Buffer.concat([success(1, 2), success(1, 3)]), resolve),
        )
        end(peer)
      })
      t.after(() => pacs.stop())
      const pools = { ct: [{ name: 'CT', port: pacs.port }], mr: [{ name: 'MR', port: mr.port }] }
      const aborting = await startBalancer({ rules: rules('refuse'), pools })
      t.after(() => aborting.stop())

      const peer = await associateBy(aborting, 'BEHIND')
      peer.send(instanceOf('CT', { messageId: 1 }))
      const command = await peer.receive()
      await waitUntil(() => peer.buffered > 0)
      peer.send(encodePData([{ contextId: 1, command: false, last: true, data: Buffer.alloc(10) }]))
      const dataset = await peer.receive()
      assert.deepEqual(Buffer.concat([command?.bytes ?? none, dataset?.bytes ?? none]), answer)
      assert.equal((await peer.receive())?.type, PduType.abort)
      ended.resolve()
      assert.deepEqual(await peer.rest(), [])
      peer.close()
      assert.match(await aborting.logLine('BEHIND'), / delayed ct\/CT .* refusal=malformed-pdata /)
    })
  }
})

const none = Buffer.alloc(0)

/** An element in Implicit VR Little Endian; of undefined length where it is `open`. */
function element(tag: number, value: Buffer, open = false): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt16LE(tag >>> 16, 0)
  header.writeUInt16LE(tag & 0xffff, 2)
  header.writeUInt32LE(open ? 0xffffffff : value.length, 4)
  return Buffer.concat([header, value])
}

/** The C-STORE-RSP that a PACS answers a message with, as a P-DATA-TF PDU. */
function success(contextId: number, messageId: number): Buffer {
  const data = encodeCommandSet({
    AffectedSOPClassUID: CT_IMAGE,
    CommandField: 0x8001,
    MessageIDBeingRespondedTo: messageId,
    CommandDataSetType: 0x0101,
    Status: 0,
  })
  return encodePData([{ contextId, command: true, last: true, data }])
}

/** How many connections a frontend has, and has had. */
async function sessions({ haproxy }: Balancer, frontend: string): Promise<{ now: number; ever: number }> {
  const { scur, stot } = await statisticsOf(haproxy, `${frontend}/FRONTEND`)
  return { now: Number(scur), ever: Number(stot) }
}

/** The PDVs of these P-DATA-TF PDUs, in order. */
function pdvs(bytes: Buffer) {
  const found: ReturnType<typeof decodePData>[number][] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + pduHeaderLength + bytes.readUInt32BE(at + 2)
    found.push(...decodePData(bytes.subarray(at + pduHeaderLength, end)))
    at = end
  }
  return found
}

/** P-DATA-TF PDUs of this many PDVs each. */
function packed(all: ReturnType<typeof pdvs>, each: number): Buffer[] {
  return Array.from({ length: Math.ceil(all.length / each) }, (_, n) =>
    encodePData(all.slice(n * each, n * each + each)),
  )
}

/** The most memory that a process ever had resident, in bytes. */
async function peakMemory(pid: number): Promise<number> {
  const status = await waitUntil(() => readFile(`/proc/${pid}/status`, 'utf8'))
  return 1024 * Number(status.match(/VmHWM:\s+(\d+) kB/)?.[1])
}
