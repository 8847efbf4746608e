import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { associateRq, image, storeRq } from '../support/messages.ts'
import { Peer } from '../support/peer.ts'
import { comesToRest, forget, type RunningSite, sendNormally, startSite } from './hostile-site.ts'
import { mutatedClients } from './mutated-clients.ts'
import { wrongMoments } from './wrong-moments.ts'

const mutations = Number(process.env.ABUSE_MUTATIONS ?? 300)

describe('the balancer, among hostile clients', () => {
  let site: RunningSite

  before(async () => {
    site = await startSite({ SOURCE_RATE: '1000000' })
  })
  after(() => site?.stop())

  test('those that go away while an agent is asked are told from those whom no agent answers', async () => {
    const leaves = [(peer: Peer) => peer.socket.end(), (peer: Peer) => peer.socket.resetAndDestroy()]
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
    const seed = 1
    const outcome = await mutatedClients(site, mutations, seed)
    // some mistakes are found, and some change nothing that matters
    for (const [what, count] of Object.entries(outcome))
      assert.ok(count > mutations / 3, `${what}, seed ${seed}`)
    await sendNormally(site)
  })
})
