import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  ContextResult,
  decodeAssociateRj,
  encodeAssociateRj,
  PduType,
  rejectReasons,
} from '../../agent/dicom/index.ts'
import { probe } from '../../agent/negotiation/index.ts'
import { samplesIn, sum } from '../metrics/support.ts'
import { request } from '../negotiation/support.ts'
import { type Balancer, metricsText, startBalancer } from '../support/balancer.ts'
import { associate, type Client } from '../support/client.ts'
import { dcmtk, type Scp, startStorescp, withoutMeta } from '../support/dcmtk.ts'
import { waitUntil } from '../support/haproxy.ts'
import {
  CT_IMAGE,
  contexts,
  EXPLICIT,
  IMPLICIT,
  image,
  MR_IMAGE,
  releaseRq,
  storeRq,
} from '../support/messages.ts'
import { acceptingOnly, type Pacs, released, type Script, serve, startPacs } from '../support/pacs.ts'
import { freePort } from '../support/ports.ts'

const samples = fileURLToPath(new URL('../../dicom-samples/', import.meta.url))
const J2K = '1.2.840.10008.1.2.4.90'

const byModality = `
rules:
  - { name: CT, when: { Modality: CT }, route: ct }
  - { name: MR, when: { Modality: MR }, route: mr }
`

/** What all agents have counted together. */
async function metricsOf({ agents }: Balancer): Promise<string> {
  return (await Promise.all(agents.map(metricsText))).join('\n')
}

/** Sends one instance and releases; the result is the types of what was answered. */
async function store(
  { peer }: Client,
  ...message: Parameters<typeof storeRq>
): Promise<(number | undefined)[]> {
  peer.send(storeRq(...message))
  const answer = await peer.receive()
  if (answer?.type === PduType.pData) peer.send(releaseRq)
  const rest = await peer.rest()
  peer.close()
  return [answer?.type, ...rest.map(({ type }) => type)]
}

/** An image of Explicit VR: its Modality. */
const explicitImage = (modality: 'CT' | 'MR') => Buffer.from(`\x08\0\x60\0CS\x02\0${modality}`)

const accepted = ({ ac }: Client) =>
  ac?.presentationContexts.map(({ id, result, transferSyntax }) => [id, result || transferSyntax])
const stored = [PduType.pData, PduType.releaseRp]

describe('a pool that takes everything beside one that takes implicit VR only', { timeout: 120_000 }, () => {
  let folder = ''
  let ct: Scp
  let mr: Scp
  let balancer: Balancer
  const files = { ct: '', mr: '' }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'negotiation-'))
    for (const name of ['ct', 'mr']) await mkdir(join(folder, name))
    ct = await startStorescp(join(folder, 'ct'))
    // the last of these options holds
    mr = await startStorescp(join(folder, 'mr'), '+xi')
    balancer = await startBalancer({
      rules: byModality,
      pools: { ct: [{ name: 'CT', port: ct.port }], mr: [{ name: 'MR', port: mr.port }] },
    })
    files.ct = join(folder, 'ct.dcm')
    const lossless = join(folder, 'lossless.dcm')
    const made = await dcmtk('dcmcjpeg', join(samples, 'ct-head-1.dcm'), lossless)
    assert.equal(made.code, 0, made.output)
    // DCMTK encodes no JPEG 2000; to those that carry it, it is only a name
    const text = (await readFile(lossless)).toString('latin1')
    await writeFile(files.ct, Buffer.from(text.replace('1.2.840.10008.1.2.4.70', J2K), 'latin1'))
    files.mr = join(samples, 'mr-brain.dcm')
  })
  after(async () => {
    await balancer?.stop()
    await Promise.all([ct?.stop(), mr?.stop()])
    await rm(folder, { recursive: true })
  })

  test('storescu that proposes JPEG 2000 and uncompressed reaches both, from the first association on', async () => {
    for (let round = 0; round < 4; round++) {
      for (const modality of ['ct', 'mr'] as const) {
        const { code, output } = await dcmtk(
          'storescu',
          '-v',
          '-xv',
          'localhost',
          String(balancer.port),
          files[modality],
        )
        assert.equal(code, 0, output)
        assert.match(output, /Received Store Response \(Success\)/)
      }
    }
    const [compressed = ''] = await readdir(join(folder, 'ct'))
    const kept = await readFile(join(folder, 'ct', compressed))
    assert.ok(kept.includes(J2K))
    assert.deepEqual(withoutMeta(kept), withoutMeta(await readFile(files.ct)))
    const [uncompressed = ''] = await readdir(join(folder, 'mr'))
    assert.ok((await readFile(join(folder, 'mr', uncompressed))).includes(`${IMPLICIT}\0`))
    assert.doesNotMatch(balancer.haproxy.log(), / refusal=[^-]/)
    assert.equal(sum(await metricsOf(balancer), 'dicom_lb_mismatches_total'), 0)
  })
})

describe('what the balancer knows of its pools', { timeout: 120_000 }, () => {
  let ct: Pacs
  let mr: Pacs
  let balancer: Balancer
  let ctAccepts: Script
  let mrAccepts: Script
  let clients = 0

  const taking =
    (transferSyntaxes: readonly string[], maxPduLength?: number): Script =>
    async (peer, rq) => {
      peer.send(acceptingOnly(rq, transferSyntaxes, maxPduLength))
      await released(peer)
    }
  const proposing = (...transferSyntaxes: string[]) => ({
    callingAE: `CLIENT-${++clients}`,
    presentationContexts: contexts([CT_IMAGE, MR_IMAGE], transferSyntaxes),
  })

  before(async () => {
    ct = await startPacs(undefined, (peer, rq) => ctAccepts(peer, rq))
    mr = await startPacs(undefined, (peer, rq) => mrAccepts(peer, rq))
    const rules = `
pools:
  declared: { maxPduLength: 0 }
rules:
  - { name: declared, when: { callingAE: DECLARED, Modality: "*" }, route: declared }
  - { name: down, when: { callingAE: DOWN*, Modality: "?T", PatientID: A }, route: down }
  - { name: goes along, when: { callingAE: ALONG, Modality: CT }, route: ct, mixed: follow }${byModality.replace('\nrules:', '')}`
    balancer = await startBalancer({
      rules,
      pools: {
        ct: [{ name: 'CT', port: ct.port }],
        mr: [{ name: 'MR', port: mr.port }],
        declared: [{ name: 'DECLARED', port: mr.port }],
        down: [{ name: 'DOWN', port: await freePort() }],
      },
      down: ['down/DOWN'],
    })
  })
  beforeEach(() => {
    ctAccepts = taking([J2K, EXPLICIT, IMPLICIT])
    mrAccepts = taking([IMPLICIT])
    for (const pacs of [ct, mr])
      for (const list of [pacs.probes, pacs.associations, pacs.stored]) list.length = 0
  })
  after(async () => {
    await balancer?.stop()
    await Promise.all([ct?.stop(), mr?.stop()])
  })

  test('each context is promised what its own pools accept, and the smallest maximum PDU length', async () => {
    ctAccepts = taking([J2K, EXPLICIT, IMPLICIT], 0)
    mrAccepts = taking([IMPLICIT], 20_000)
    const client = await associate(balancer, proposing(J2K, EXPLICIT, IMPLICIT))
    assert.deepEqual(accepted(client), [
      [1, J2K],
      [3, IMPLICIT],
    ])
    assert.equal(client.ac?.maxPduLength, 20_000)
    assert.deepEqual(
      await store(client, image({ modality: 'MR' }), { contextId: 3, sopClass: MR_IMAGE }),
      stored,
    )
    // the pool is offered what it takes
    assert.deepEqual(
      mr.associations.map(({ presentationContexts }) => presentationContexts),
      [[{ id: 3, abstractSyntax: MR_IMAGE, transferSyntaxes: [IMPLICIT] }]],
    )
  })

  test('pools are asked with the titles of the client, with one transfer syntax in each context', async () => {
    const rq = { ...proposing(J2K, EXPLICIT), calledAE: 'ARCHIVE' }
    ;(await associate(balancer, rq)).peer.close()
    const [asked] = mr.probes
    assert.deepEqual([asked?.callingAE, asked?.calledAE], [rq.callingAE, 'ARCHIVE'])
    assert.deepEqual(
      asked?.presentationContexts.map(({ abstractSyntax, transferSyntaxes }) => [
        abstractSyntax,
        ...transferSyntaxes,
      ]),
      [
        [CT_IMAGE, J2K],
        [CT_IMAGE, EXPLICIT],
        [MR_IMAGE, J2K],
        [MR_IMAGE, EXPLICIT],
      ],
    )
  })

  test('twenty clients that come first at the same time cause one question for each pool and agent', async () => {
    const rq = proposing(EXPLICIT, IMPLICIT)
    const answers = await Promise.all(Array.from({ length: 20 }, () => associate(balancer, rq)))
    for (const client of answers) {
      assert.deepEqual(accepted(client), [
        [1, EXPLICIT],
        [3, IMPLICIT],
      ])
      client.peer.close()
    }
    for (const pacs of [ct, mr]) {
      assert.ok(
        pacs.probes.length >= 1 && pacs.probes.length <= balancer.agents.length,
        `${pacs.probes.length}`,
      )
    }
  })

  test('a PACS may answer each calling AE title otherwise', async () => {
    mrAccepts = (peer, rq) => taking(rq.callingAE.endsWith('-OLD') ? [IMPLICIT] : [EXPLICIT])(peer, rq)
    for (const [callingAE, transferSyntax] of [
      ['SCANNER', EXPLICIT],
      ['SCANNER-OLD', IMPLICIT],
    ] as const) {
      const client = await associate(balancer, { ...proposing(EXPLICIT, IMPLICIT), callingAE })
      assert.deepEqual(accepted(client)?.[1], [3, transferSyntax])
      client.peer.close()
    }
  })

  test('a PACS that is switched to less costs one abort, however many agents know it otherwise, and nothing is lost', async () => {
    let takes = [EXPLICIT, IMPLICIT]
    const switched = await startPacs(
      async (peer, rq) => {
        const answer = acceptingOnly(rq, takes)
        if (takes.includes(rq.presentationContexts[0]?.transferSyntaxes[0] ?? ''))
          await serve(switched, peer, rq)
        else {
          peer.send(answer)
          await peer.rest()
        }
      },
      (peer, rq) => taking(takes)(peer, rq),
    )
    const own = await startBalancer({
      rules: 'rules: [{ name: CT, when: { Modality: CT }, route: ct }]',
      pools: { ct: [{ name: 'CT', port: switched.port }] },
    })
    try {
      const rq = { callingAE: 'SENDER', presentationContexts: contexts([CT_IMAGE], [EXPLICIT, IMPLICIT]) }
      const send = async (instance: number) => {
        const client = await associate(own, rq)
        const isExplicit = client.ac?.presentationContexts[0]?.transferSyntax === EXPLICIT
        const answer = await store(client, isExplicit ? explicitImage('CT') : image(), {
          sopInstance: `1.2.${instance}`,
        })
        return answer[0] === PduType.pData
      }
      let sent = 0
      for (; sent < 12; sent++) assert.ok(await send(sent))
      takes = [IMPLICIT]
      const results: boolean[] = []
      for (; sent < 30; sent++) results.push(await send(sent))
      const aborts = results.filter(isStored => !isStored).length
      assert.deepEqual([aborts, results[0]], [1, false])
      assert.equal(switched.stored.length, sent - aborts)

      // told by one agent
      await waitUntil(
        async () => sum(await metricsOf(own), 'dicom_lb_mismatches_total', { pool: 'ct' }) === aborts,
      )
      const told = () => own.agents.map(agent => agent.output()).join('\n')
      const [mismatch] = await waitUntil(() => /^.*"step":"mismatch".*$/m.exec(told()))
      const { contexts: differing, ...line } = JSON.parse(mismatch)
      assert.deepEqual([line.pool, line.refusal], ['ct', 'pacs-mismatch'])
      assert.deepEqual(differing, [
        { id: 1, abstractSyntax: CT_IMAGE, offered: EXPLICIT, answered: 'result 4' },
      ])
    } finally {
      await own.stop()
      await switched.stop()
    }
  })

  test('a context that this pool does not take: not for the first dataset', async () => {
    const client = await associate(balancer, proposing(J2K, IMPLICIT))
    const answers = await store(client, explicitImage('MR'))
    assert.deepEqual(answers, [PduType.abort])
    assert.match(await balancer.logLine(`CLIENT-${clients}`), / refusal=context-not-accepted /)
    assert.deepEqual(mr.associations, [])
  })

  test('... which the client is promised otherwise when it comes again, if there is another way', async t => {
    // each agent knows of what it judged itself
    const own = await startBalancer({
      rules: byModality,
      pools: { ct: [{ name: 'CT', port: ct.port }], mr: [{ name: 'MR', port: mr.port }] },
      agents: 1,
    })
    t.after(() => own.stop())
    const rq = { ...proposing(J2K, IMPLICIT), presentationContexts: contexts([CT_IMAGE], [J2K, IMPLICIT]) }
    const answers: (number | undefined)[] = []
    do {
      const client = await associate(own, rq)
      const isImplicit = client.ac?.presentationContexts[0]?.transferSyntax === IMPLICIT
      answers.push((await store(client, isImplicit ? image({ modality: 'MR' }) : explicitImage('MR')))[0])
    } while (answers.at(-1) === PduType.abort && answers.length <= own.agents.length)
    assert.equal(answers.at(-1), PduType.pData)
    assert.equal(mr.stored.length, 1)
    // others are promised what their images should be, and so is this one where there is no other way
    const others = { ...rq, callingAE: `CLIENT-${++clients}` }
    const only = { ...rq, presentationContexts: contexts([CT_IMAGE], [J2K]) }
    for (const proposed of [others, only]) {
      const client = await associate(own, proposed)
      assert.deepEqual(accepted(client), [[1, J2K]])
      client.peer.close()
    }
  })

  test("... and later, it is the PACS's to abort, and counted", async () => {
    ctAccepts = taking([EXPLICIT])
    const client = await associate(balancer, { ...proposing(EXPLICIT, IMPLICIT), callingAE: 'ALONG' })
    assert.deepEqual(accepted(client), [
      [1, EXPLICIT],
      [3, IMPLICIT],
    ])
    client.peer.send(storeRq(explicitImage('CT')))
    assert.equal((await client.peer.receive())?.type, PduType.pData)
    client.peer.send(storeRq(image({ modality: 'MR' }), { contextId: 3, sopClass: MR_IMAGE, messageId: 2 }))
    await waitUntil(async () => {
      const metrics = await metricsOf(balancer)
      return sum(metrics, 'dicom_lb_mismatches_total', { pool: 'ct', reason: 'context-not-offered' }) === 1
    })
    client.peer.close()
    assert.match(await balancer.logLine('ALONG'), / refusal=context-not-offered /)
  })

  test('where no pool takes the association, the client hears what the PACS says', async () => {
    const rj = rejectReasons['calling-ae-title-not-recognized']
    ctAccepts = mrAccepts = async peer => peer.send(encodeAssociateRj(rj))
    const client = await associate(balancer, proposing(IMPLICIT))
    assert.equal(client.ac, undefined)
    assert.deepEqual(decodeAssociateRj(client.answer), rj)
    client.peer.close()
    assert.match(await balancer.logLine(`CLIENT-${clients}`), / refusal=pacs-rejected /)
  })

  test('where one pool does, the others are left out', async () => {
    mrAccepts = async peer => peer.send(encodeAssociateRj(rejectReasons['no-reason-given']))
    const client = await associate(balancer, proposing(J2K, IMPLICIT))
    assert.deepEqual(accepted(client), [
      [1, J2K],
      [3, ContextResult.userRejection],
    ])
    client.peer.close()
  })

  test('of a pool that does not answer in time, as little is assumed as most PACS accept, until it has', async () => {
    const answer = Promise.withResolvers<void>()
    mrAccepts = async (peer, rq) => {
      await answer.promise
      await taking([J2K])(peer, rq)
    }
    const rq = proposing(J2K, IMPLICIT)
    const client = await associate(balancer, rq)
    assert.deepEqual(accepted(client)?.[1], [3, IMPLICIT])
    client.peer.close()
    answer.resolve()
    await waitUntil(async () => {
      const again = await associate(balancer, rq)
      again.peer.close()
      return accepted(again)?.[1]?.[1] === J2K
    })
  })

  test('a pool that is declared is never asked, nor is one that is down', async () => {
    const { peer, ac } = await associate(balancer, { ...proposing(J2K, EXPLICIT), callingAE: 'DECLARED' })
    assert.deepEqual(
      ac?.presentationContexts.map(({ transferSyntax }) => transferSyntax),
      [EXPLICIT, EXPLICIT],
    )
    peer.close()
    const down = await associate(balancer, { ...proposing(J2K, IMPLICIT), callingAE: 'DOWN-1' })
    assert.deepEqual(accepted(down), [
      [1, J2K],
      [3, IMPLICIT],
    ])
    down.peer.close()
    const asked = samplesIn(await metricsOf(balancer)).filter(({ name }) => name === 'dicom_lb_probes_total')
    assert.ok(asked.length > 0)
    assert.ok(asked.every(({ labels: { pool } }) => pool === 'ct' || pool === 'mr'))
  })

  test('the gateway leads to pools, to nothing else, and listens on this machine only', async () => {
    const ask = async (pool: string, host = '127.0.0.1') =>
      (
        await probe(
          { host, port: balancer.gatewayPort },
          pool,
          request({ presentationContexts: contexts([CT_IMAGE]) }),
        )
      ).outcome
    assert.equal(await ask('ct'), 'accepted')
    for (const pool of ['agents', 'stats', 'down', 'nothing', ''])
      assert.equal(await ask(pool), 'silent', pool)
    const others = Object.values(networkInterfaces()).flatMap(addresses => addresses ?? [])
    for (const { address, family, internal } of others) {
      if (internal || family !== 'IPv4') continue
      assert.equal(await ask('ct', address), 'no-gateway', address)
    }
  })
})

describe('a gateway on every address', () => {
  let pacs: Pacs
  before(async () => {
    pacs = await startPacs()
  })
  after(() => pacs?.stop())

  const table = [
    ['lets in who is named', '127.0.0.1/32 192.0.2.0/24', true],
    ['and nobody else', '192.0.2.0/24', false],
  ] as const
  for (const [what, from, isLetIn] of table) {
    test(what, async () => {
      const port = await freePort()
      const balancer = await startBalancer({
        rules: byModality,
        pools: { ct: [{ name: 'CT', port: pacs.port }] },
        env: { GATEWAY_BIND: `:${port}`, GATEWAY_FROM: from },
      })
      const { outcome } = await probe({ host: '127.0.0.1', port }, 'ct', request())
      await balancer.stop()
      assert.equal(outcome === 'accepted', isLetIn, outcome)
    })
  }
})
