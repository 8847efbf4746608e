import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { quantiles } from '../bench/rounds.ts'
import { makeCertificates } from '../support/certificates.ts'
import { associateRq, image, storeRq } from '../support/messages.ts'
import { breakOff, Peer } from '../support/peer.ts'
import { freePort } from '../support/ports.ts'
import { comesToRest, forget, type RunningSite, sendNormally, startSite } from './hostile-site.ts'
import { clientsAstray, drippingClients, floodingClients, silentClients } from './many-clients.ts'
import { mutatedClients, type Outcome } from './mutated-clients.ts'
import { wrongMoments } from './wrong-moments.ts'

const clients = Number(process.env.ABUSE_CLIENTS ?? 200)
const seconds = process.env.ABUSE_SECONDS ?? '2'
const mutations = Number(process.env.ABUSE_MUTATIONS ?? 300)
/** Memory is compared where there are enough to tell. */
const batches = mutations >= 6000 ? 12 : 1

function tellTimes({ beside }: RunningSite): void {
  const at = quantiles(beside)
  const [median, most] = [at(0.5), at(1)].map(Math.round)
  console.log(`an association beside them took ${median} ms, at most ${most} ms; of ${beside.length}`)
}

describe('the balancer, among hostile clients', () => {
  let site: RunningSite

  before(async () => {
    site = await startSite({ SOURCE_RATE: '1000000' })
  })
  after(async () => {
    await site?.stop()
    if (batches > 1) tellTimes(site)
  })

  test('those that go away while an agent is asked are told from those whom no agent answers', async () => {
    const leaves = [(peer: Peer) => peer.socket.end(), (peer: Peer) => breakOff(peer.socket)]
    const goes = async (callingAE: string, n: number) => {
      const peer = await Peer.connect(site.balancer.port)
      peer.send(associateRq({ callingAE, calledAE: 'TAGS' }))
      if (n % 4 < 2) {
        await peer.receive()
        peer.send(storeRq(image()))
      }
      await new Promise(resolve => peer.socket.write('', resolve))
      leaves[n % 2]?.(peer)
      await peer.rest()
    }
    await Promise.all(Array.from({ length: 40 }, (_, n) => goes(`GONE-${n}`, n)))
    await comesToRest(site)
    forget(site)
    assert.doesNotMatch(site.balancer.haproxy.log(), / refusal=agents-down /)
  })

  test('every PDU type in every state, whole, cut off, and with a length that lies', async () => {
    await wrongMoments(site)
    await sendNormally(site)
  })

  test(`${mutations} of each kind, with mistakes at random, beside one that makes none`, async () => {
    const perBatch = Math.ceil(mutations / batches)
    const outcomes: Outcome[] = []
    const megabytes: number[][] = []
    for (let batch = 0; batch < batches; batch++) {
      outcomes.push(await mutatedClients(site, perBatch, 1 + batch * perBatch))
      megabytes.push(await site.memory())
      await sendNormally(site)
    }
    // some mistakes are found, and some change nothing that matters
    for (const what of ['accepted', 'acknowledged', 'aborted'] as const) {
      const count = outcomes.reduce((sum, outcome) => sum + outcome[what], 0)
      assert.ok(count > mutations / 3, `seeds from 1: ${count} ${what}`)
    }
    if (batches === 1) return
    console.log('MB of HAProxy, and held by each agent:', megabytes.join(' '))
    for (const process of [0, 1, 2]) {
      const least = (from: number, to: number) =>
        Math.min(...megabytes.slice(from * batches, to * batches).map(all => all[process] ?? 0))
      assert.ok(
        least(2 / 3, 1) < 1.1 * least(1 / 3, 2 / 3),
        `process ${process} grows: ${megabytes.join(' ')}`,
      )
    }
  })
})

describe(`${clients} hostile clients at a time`, () => {
  const { at, authority, certificate, remove } = makeCertificates()
  let tlsPort = 0
  let site: RunningSite

  before(async () => {
    authority('ca')
    for (const name of ['balancer', 'client']) certificate(name, 'ca')
    tlsPort = await freePort()
    site = await startSite({
      ASSOCIATE_TIMEOUT: seconds,
      DATASET_TIMEOUT: seconds,
      SOURCE_ASSOCIATIONS: `${clients}`,
      WAITING: `${4 * clients}`,
      SOURCE_RATE: '1000000',
      DICOM_TLS_BIND: `127.0.0.1:${tlsPort}`,
      DICOM_TLS_CERT: at('balancer.pem'),
      DICOM_TLS_CA: at('ca.crt'),
    })
  })
  after(async () => {
    await site?.stop()
    remove()
    if (batches > 1) tellTimes(site)
  })

  test('that are silent: A-ABORT, and others go on', async () => {
    assert.deepEqual(await silentClients(site, clients), { '7': clients })
  })

  test('that send a byte a second: A-ABORT, and others go on', async () => {
    assert.deepEqual(await drippingClients(site, clients), { '7': clients / 2, '2,7': clients / 2 })
  })

  test('and many more from one address: RJ or, beyond twice as many, closed; and others go on', async () => {
    const heard = await floodingClients(site, 4 * clients)
    const accepted = heard['2,7'] ?? 0
    const refused = (heard['3'] ?? 0) + (heard[''] ?? 0)
    assert.ok(accepted <= clients && accepted + refused === 4 * clients, JSON.stringify(heard))
  })

  test('with TLS where there is none, and without TLS, or with noise, where there is', async () => {
    const [cert, key, ca] = ['client.crt', 'client.key', 'ca.crt'].map(file => readFileSync(at(file)))
    assert.deepEqual(await clientsAstray(site, tlsPort, { cert, key, ca }, clients / 2, 1), {
      'TLS without TLS': { '7': clients / 2 },
      'DICOM on the TLS port': { '': clients / 2 },
      'noise on the TLS port': { '': clients / 2 },
      'a record of noise on the TLS port': { '': clients / 2 },
      'noise within TLS': { '7': clients / 2 },
    })
  })
})
