import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { afterEach, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'node:tls'
import { decodeAssociateRj, PduType, pduHeaderLength } from '../../agent/dicom/index.ts'
import { type Balancer, startBalancer } from '../support/balancer.ts'
import { makeCertificates } from '../support/certificates.ts'
import { waitUntil } from '../support/haproxy.ts'
import { associateRq, releaseRq } from '../support/messages.ts'
import { type Pacs, type Script, startPacs } from '../support/pacs.ts'
import { Peer } from '../support/peer.ts'
import { freePort } from '../support/ports.ts'

const rules = `
rules:
  - { name: direct, when: { callingAE: DIRECT }, route: ct }
  - { name: CT, when: { Modality: CT }, route: ct }
`

describe('clients that ask for too much', () => {
  let pacs: Pacs
  let balancer: Balancer
  const peers: Peer[] = []

  async function begin(env: Record<string, string>, agents = 2, toProbe?: Script): Promise<void> {
    pacs = await startPacs(undefined, toProbe)
    balancer = await startBalancer({ rules, pools: { ct: [{ name: 'CT', port: pacs.port }] }, env, agents })
  }
  afterEach(async () => {
    for (const peer of peers.splice(0)) peer.close()
    await balancer.stop()
    await pacs.stop()
  })

  /** Asks for an association and keeps it: AC, or what the A-ASSOCIATE-RJ says. */
  async function associate(callingAE: string, client?: Peer, header = ''): Promise<string> {
    const peer = client ?? (await Peer.connect(balancer.port))
    peers.push(peer)
    peer.send(Buffer.from(header), associateRq({ callingAE }))
    const pdu = await peer.receive()
    if (pdu?.type === PduType.associateRj)
      return Object.values(decodeAssociateRj(pdu.bytes.subarray(pduHeaderLength))).join()
    return pdu?.type === PduType.associateAc ? 'AC' : `type ${pdu?.type}`
  }

  /** Waits until HAProxy counts so many connections of an address. */
  async function counted(connections: number): Promise<void> {
    const table = new RegExp(` conn_cur=${connections}$`, 'm')
    await waitUntil(async () => table.test(await balancer.haproxy.command('show table dicom')))
  }

  /** Whether a connection is closed unanswered, perhaps before this client knows that there is one. */
  async function isClosed(port: number): Promise<void> {
    const answers = Peer.connect(port).then(peer => peer.rest())
    assert.deepEqual(await answers.catch(({ code }) => code === 'ECONNRESET' && []), [])
  }

  test('more associations at a time than one address may have: RJ, and again when one has ended', async () => {
    await begin({ SOURCE_ASSOCIATIONS: '3' })
    for (const callingAE of ['DIRECT', 'TAGS', 'DIRECT']) assert.equal(await associate(callingAE), 'AC')
    assert.equal(await associate('FOURTH'), '2,3,2')
    await balancer.logged(/ refusal=too-many-associations /)
    for (const peer of peers.slice(1)) peer.close()
    await balancer.logLine('TAGS')
    assert.equal(await associate('DIRECT'), 'AC')
  })

  test('... and more than twice as many: closed', async () => {
    await begin({ SOURCE_ASSOCIATIONS: '1' })
    for (let n = 0; n < 3; n++) peers.push(await Peer.connect(balancer.port))
    await counted(3)
    await isClosed(balancer.port)
  })

  test('the limits are for the client that a PROXY header names, not for who sends it', async () => {
    await begin({ SOURCE_ASSOCIATIONS: '2', PROXY_FROM: '127.0.0.1' })
    const from = (address: string, callingAE: string) =>
      associate(callingAE, undefined, `PROXY TCP4 ${address} 10.9.8.1 40000 104\r\n`)
    for (const callingAE of ['DIRECT', 'TAGS']) assert.equal(await from('10.9.8.7', callingAE), 'AC')
    assert.equal(await from('10.9.8.7', 'THIRD'), '2,3,2')
    assert.equal(await from('10.9.8.8', 'OTHER'), 'AC')
    await balancer.logged(/^10\.9\.8\.7:.* refusal=too-many-associations /)
  })

  test('... and for clients that come by TLS, too', async t => {
    const { at, authority, certificate, remove } = makeCertificates()
    t.after(remove)
    authority('ca')
    for (const name of ['balancer', 'ROOM_1']) certificate(name, 'ca')
    const port = await freePort()
    await begin({
      SOURCE_ASSOCIATIONS: '2',
      DICOM_TLS_BIND: `127.0.0.1:${port}`,
      DICOM_TLS_CERT: at('balancer.pem'),
      DICOM_TLS_CA: at('ca.crt'),
    })
    const [cert, key, ca] = ['ROOM_1.crt', 'ROOM_1.key', 'ca.crt'].map(file => readFileSync(at(file)))
    async function byTls(callingAE: string): Promise<string> {
      const socket = connect({ port, host: '127.0.0.1', cert, key, ca, checkServerIdentity: () => undefined })
      await once(socket, 'secureConnect')
      return associate(callingAE, new Peer(socket))
    }
    assert.equal(await byTls('DIRECT'), 'AC')
    assert.equal(await associate('TAGS'), 'AC')
    assert.equal(await byTls('THIRD'), '2,3,2')
  })

  test('... and for those that say nothing there, whom only their connections give away', async t => {
    const { at, authority, certificate, remove } = makeCertificates()
    t.after(remove)
    authority('ca')
    certificate('balancer', 'ca')
    const port = await freePort()
    await begin({
      SOURCE_ASSOCIATIONS: '1',
      DICOM_TLS_BIND: `127.0.0.1:${port}`,
      DICOM_TLS_CERT: at('balancer.pem'),
      DICOM_TLS_CA: at('ca.crt'),
    })
    for (let n = 0; n < 3; n++) peers.push(await Peer.connect(port))
    await counted(3)
    for (const another of [port, balancer.port]) await isClosed(another)
    assert.equal(await associate('OTHER', await Peer.connect(balancer.port, '127.0.0.2')), 'AC')
  })

  test('more in ten seconds than one address may begin: RJ', async () => {
    await begin({ SOURCE_RATE: '5' })
    const answers: string[] = []
    for (let n = 0; n < 7; n++) {
      answers.push(await associate('DIRECT'))
      peers.pop()?.send(releaseRq)
    }
    assert.deepEqual([...new Set(answers)], ['AC', '2,3,2'])
    await balancer.logged(/ refusal=too-many-connections /)
  })

  test('more that wait for their first dataset: RJ, while those that have their PACS do not count', async () => {
    // of two, each may ask pools, and its association counts until it has its pool
    await begin({ WAITING: '2' }, 1)
    for (let n = 0; n < 4; n++) assert.equal(await associate('DIRECT'), 'AC')
    for (let n = 0; n < 2; n++) assert.equal(await associate('TAGS'), 'AC')
    assert.equal(await associate('TAGS'), '2,3,2')
    await balancer.logged(/ refusal=too-many-waiting /)
  })

  test('... those count for which agents are asking pools', async () => {
    await begin({ WAITING: '2' }, 1, async peer => void (await peer.rest()))
    for (const callingAE of ['ONE', 'TWO']) {
      const peer = await Peer.connect(balancer.port)
      peers.push(peer)
      peer.send(associateRq({ callingAE }))
      await waitUntil(() => pacs.probes.some(rq => rq.callingAE === callingAE))
    }
    assert.equal(await associate('THREE'), '2,3,2')
  })

  test('... but for the few of another address, up to twice as many', async () => {
    await begin({ WAITING: '200' })
    const silent = async (localAddress: string, count: number) => {
      for (let n = 0; n < count; n++) peers.push(await Peer.connect(balancer.port, localAddress))
      await counted(count)
    }
    await silent('127.0.0.2', 201)
    assert.equal(await associate('TAGS', await Peer.connect(balancer.port, '127.0.0.2')), '2,3,2')
    assert.equal(await associate('TAGS'), 'AC')
    await silent('127.0.0.3', 199)
    assert.equal(await associate('TAGS'), '2,3,2')
  })

  test('a byte now and then does not extend the time for an A-ASSOCIATE-RQ, nor for a dataset', async () => {
    await begin({ ASSOCIATE_TIMEOUT: '1', DATASET_TIMEOUT: '1' })
    const bytes = associateRq({ callingAE: 'SLOW' })
    const request = await Peer.connect(balancer.port)
    assert.equal(await associate('TAGS'), 'AC')
    const [dataset] = peers
    assert.ok(dataset)
    const dripped = async (peer: Peer, drops: Buffer) => {
      let ended = false
      const rest = peer.rest().finally(() => {
        ended = true
      })
      for (const drop of drops) {
        if (ended) break
        peer.send(Buffer.of(drop))
        await sleep(50)
      }
      assert.ok(ended, 'cut before it was all sent')
      return (await rest).map(({ type }) => type)
    }
    const slowHead = Buffer.from([4, 0, 0, 0, 0xff, 0, 0, 0, 0xfe, 0, 1, 3, ...Buffer.alloc(200)])
    const ends = await Promise.all([dripped(request, bytes), dripped(dataset, slowHead)])
    assert.deepEqual(ends, [[PduType.abort], [PduType.abort]])
    await balancer.logged(/ refusal=request-timeout /)
    await balancer.logged(/ refusal=dataset-timeout /)
  })
})
