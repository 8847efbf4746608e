import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { PduType } from '../../agent/dicom/index.ts'
import { sum } from '../metrics/support.ts'
import { type Balancer, metricsText, startBalancer, timeout } from '../support/balancer.ts'
import { waitUntil } from '../support/haproxy.ts'
import { Ledger, type Told } from '../support/ledger.ts'
import { associateRq, image, storeRq } from '../support/messages.ts'
import { associateAc, type Pacs, startPacs } from '../support/pacs.ts'
import { breakOff, Peer } from '../support/peer.ts'
import { deliver } from './deliver.ts'
import { type Hostile, type Hostility, hostile, reject, slowly, startHostilePacs } from './hostile-pacs.ts'

const rules = `
rules:
  - { name: direct, when: { calledAE: DIRECT }, route: ct, stick: callingAE }
  - { name: CT, when: { Modality: CT }, route: ct, stick: callingAE }
`
const paths = { delayed: 'TAGS', direct: 'DIRECT' } as const

/** What the client is told of its instance on either path, and HAProxy's reason on the delayed one. */
const told: Record<Hostility, { delayed: Told; direct: Told; refusal?: string }> = {
  'accepts the connection and hangs': {
    delayed: 'A-ABORT',
    direct: 'end of the connection',
    refusal: 'pacs-silent',
  },
  'refuses the association': { delayed: 'A-ABORT', direct: 'A-ASSOCIATE-RJ', refusal: 'pacs-rejected' },
  'aborts in the middle of an instance': { delayed: 'A-ABORT', direct: 'A-ABORT' },
  'closes in the middle of an instance': {
    delayed: 'end of the connection',
    direct: 'end of the connection',
  },
  'breaks the connection in the middle of an instance': {
    delayed: 'end of the connection',
    direct: 'end of the connection',
  },
  'answers with the A-ASSOCIATE-AC twice': { delayed: 0, direct: 0 },
  'accepts contexts that were not offered': { delayed: 0, direct: 0 },
  'closes behind the A-ASSOCIATE-AC': { delayed: 'end of the connection', direct: 'end of the connection' },
  'sends an A-ASSOCIATE-AC larger than a buffer': {
    delayed: 'A-ABORT',
    direct: 'end of the connection',
    refusal: 'pacs-answer-too-large',
  },
  'takes everything and answers nothing': {
    delayed: 'end of the connection',
    direct: 'end of the connection',
  },
  'reads a byte now and then, for a while': { delayed: 0, direct: 0 },
}

describe('a PACS node that', () => {
  let current: Hostile = hostile['refuses the association']
  let bad: Pacs
  let good: Pacs
  let balancer: Balancer

  before(async () => {
    bad = await startHostilePacs(() => current)
    good = await startPacs()
    balancer = await startBalancer({
      rules,
      pools: {
        ct: [
          { name: 'BAD', port: bad.port },
          { name: 'GOOD', port: good.port },
        ],
      },
      env: { SETTLE_TIMEOUT: '1' },
      edit: timeout('server', '2s'),
    })
  })
  after(async () => {
    await balancer?.stop()
    await Promise.all([bad?.stop(), good?.stop()])
  })

  const mismatches = async (reason: string) => {
    const texts = await Promise.all(balancer.agents.map(metricsText))
    return texts.reduce((total, text) => total + sum(text, 'dicom_lb_mismatches_total', { reason }), 0)
  }
  const reached = (pacs: Pacs, callingAE: string) => pacs.associations.some(rq => rq.callingAE === callingAE)

  for (const [index, [does, script]] of Object.entries(hostile).entries()) {
    for (const [path, calledAE] of Object.entries(paths) as [keyof typeof paths, string][]) {
      const expected = told[does as Hostility]
      test(`${does}, ${path}: its clients are told ${expected[path]}, those of another node 0`, async () => {
        current = script
        const before = await mismatches('pacs-rejected')
        const ledger = new Ledger()
        const names = Array.from({ length: 16 }, (_, n) => `${path}-${index}-${n}`)
        const heard = await Promise.all(
          names.map(callingAE => deliver(balancer.port, ledger, { callingAE, calledAE })),
        )
        ledger.close({ ct: [bad, good] })

        const ofBad = names.filter(name => reached(bad, name))
        const outcomes = (wanted: readonly string[]) => [
          ...new Set(heard.filter((_, n) => wanted.includes(names[n] ?? '')).flat()),
        ]
        assert.deepEqual(outcomes(ofBad), [expected[path]])
        assert.deepEqual(outcomes(names.filter(name => !ofBad.includes(name))), [0])
        const refusal = path === 'delayed' ? (expected.refusal ?? '-') : '-'
        const line = await balancer.logLine(ofBad[0] ?? '')
        assert.match(line, new RegExp(` ${path} ct/BAD .* refusal=${refusal} `))
        const learned = before + (refusal === 'pacs-rejected' ? ofBad.length : 0)
        await waitUntil(async () => (await mismatches('pacs-rejected')) >= learned)
        assert.equal(await mismatches('pacs-rejected'), learned)
      })
    }
  }

  test('goes on sending behind its refusal: the client hears the A-ABORT, and nothing else', async () => {
    const noise = Buffer.alloc(100_000, 0xff)
    let sent = 0
    current = async peer => {
      peer.send(reject)
      const sending = setInterval(() => (sent += Number(peer.socket.write(noise))), 1)
      await peer.rest()
      clearInterval(sending)
    }
    for (let n = 0; sent === 0; n++) {
      const peer = await Peer.connect(balancer.port)
      peer.send(associateRq({ callingAE: `NOISE-${n}` }))
      assert.equal((await peer.receive())?.type, PduType.associateAc)
      peer.send(storeRq(image()))
      const answer = await peer.receive()
      if (answer?.type === PduType.abort) assert.deepEqual([await peer.rest(), peer.buffered], [[], 0])
      peer.close()
    }
    good.stored.length = 0
  })

  test('refuses a client that reads nothing before all is sent: it hears the A-ABORT then', async () => {
    current = hostile['refuses the association']
    for (let n = 0, isRefused = false; !isRefused; n++) {
      const callingAE = `LATE-${n}`
      const peer = await Peer.connect(balancer.port)
      peer.send(associateRq({ callingAE }))
      assert.equal((await peer.receive())?.type, PduType.associateAc)
      peer.socket.pause()
      await new Promise(resolve => peer.socket.write(storeRq(image({ size: 16_000_000 })), resolve))
      peer.socket.resume()
      const answer = await peer.receive()
      isRefused = reached(bad, callingAE)
      assert.equal(answer?.type, isRefused ? PduType.abort : PduType.pData)
      peer.close()
    }
    good.stored.length = 0
  })
})

test('a client that stays when `timeout server` has ended the connection to a silent PACS node costs nothing', async t => {
  const pacs = await startHostilePacs(() => hostile['accepts the connection and hangs'])
  t.after(() => pacs.stop())
  const balancer = await startBalancer({
    rules,
    pools: { ct: [{ name: 'CT', port: pacs.port }] },
    env: { SETTLE_TIMEOUT: '1' },
    edit: cfg => timeout('server', '2s')(timeout('client-fin', '4s')(cfg)),
  })
  t.after(() => balancer.stop()) // rejects if HAProxy has crashed
  const streamCalls = async () =>
    Number((await balancer.haproxy.command('show activity')).match(/^stream_calls: (\d+)/m)?.[1])
  const socket = connect({ port: balancer.port, host: '127.0.0.1', allowHalfOpen: true })
  await once(socket, 'connect')
  const peer = new Peer(socket)
  t.after(() => peer.close())
  peer.send(associateRq({ callingAE: 'STAYS' }), storeRq(image()))
  assert.deepEqual(
    (await peer.rest()).map(({ type }) => type),
    [PduType.associateAc, PduType.abort],
  )
  const calls = await streamCalls()
  assert.match(await balancer.logLine('STAYS'), / refusal=pacs-silent /)
  assert.ok((await streamCalls()) < calls + 1000)
})

test('clients of a PACS node that reads a byte now and then wait, those of another node of its pool do not', async t => {
  const hurry = Promise.withResolvers<void>()
  const slow = await startHostilePacs(() => slowly(() => hurry.promise))
  const quick = await startPacs()
  t.after(() => Promise.all([slow.stop(), quick.stop()]))
  const nodes = [slow, quick].map(({ port }, index) => ({ name: `NODE:${index}`, port }))
  const balancer = await startBalancer({ rules, pools: { ct: nodes } })
  t.after(() => balancer.stop())

  const ledger = new Ledger()
  const done: string[] = []
  const deliveries = Array.from({ length: 16 }, async (_, n) => {
    const delivery = { callingAE: `C${n}`, calledAE: n % 2 ? 'DIRECT' : 'TAGS', size: 6_000_000 }
    assert.deepEqual(await deliver(balancer.port, ledger, delivery), [0])
    done.push(delivery.callingAE)
  })
  await waitUntil(() => slow.associations.length + quick.associations.length === deliveries.length)
  const names = quick.associations.map(({ callingAE }) => callingAE)
  assert.ok(names.length > 0 && slow.associations.length > 0)
  await waitUntil(() => done.length === names.length)
  assert.deepEqual(done.toSorted(), names.toSorted())
  hurry.resolve()
  await Promise.all(deliveries)
  assert.deepEqual(ledger.close({ ct: [slow, quick] }), { 'status 0': deliveries.length })
})

test('agents that ask a hostile PACS node what it accepts live, and its clients are served', async t => {
  const scripts: Record<string, Hostile> = {
    ...hostile,
    'answers with bytes of no protocol': async peer => peer.send(randomBytes(1000)),
    'resets the connection at once': async peer => breakOff(peer.socket),
    'resets it behind the A-ASSOCIATE-AC': async (peer, rq) => {
      await new Promise(resolve => peer.socket.write(associateAc(rq), resolve))
      breakOff(peer.socket)
    },
    'sends without end behind the A-ASSOCIATE-AC': async (peer, rq) => {
      peer.send(associateAc(rq))
      const sending = setInterval(() => peer.socket.write(Buffer.alloc(10_000)), 1)
      await peer.rest()
      clearInterval(sending)
    },
  }
  const kinds = Object.keys(scripts)
  const pacs = await startPacs(undefined, async (peer, rq) => {
    await scripts[kinds[Number(rq.callingAE.slice(1))] ?? '']?.(peer, rq, { stored: [] })
  })
  t.after(() => pacs.stop())
  const balancer = await startBalancer({ rules, pools: { ct: [{ name: 'CT', port: pacs.port }] } })
  t.after(() => balancer.stop())
  const ledger = new Ledger()
  const told = await Promise.all(kinds.map((_, n) => deliver(balancer.port, ledger, { callingAE: `P${n}` })))
  ledger.close({ ct: [pacs] })
  const refused = kinds.filter((_, n) => told[n]?.[0] === 'A-ASSOCIATE-RJ')
  assert.deepEqual(refused, [
    'accepts the connection and hangs',
    'refuses the association',
    'sends an A-ASSOCIATE-AC larger than a buffer',
    'answers with bytes of no protocol',
    'resets the connection at once',
  ])
  assert.deepEqual([...new Set(told.flat())].toSorted(), [0, 'A-ASSOCIATE-RJ'])
  for (const { pid } of balancer.agents) process.kill(pid, 0)
})
