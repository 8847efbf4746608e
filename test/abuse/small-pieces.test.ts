import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { PduType, pduHeaderLength } from '../../agent/dicom/index.ts'
import { type Balancer, startBalancer } from '../support/balancer.ts'
import { associate } from '../support/client.ts'
import { waitUntil } from '../support/haproxy.ts'
import { image, implicitDataset, releaseRq, storeRq } from '../support/messages.ts'
import { type Pacs, startPacs } from '../support/pacs.ts'
import type { Peer } from '../support/peer.ts'

const counting = fileURLToPath(new URL('count-work.lua', import.meta.url))

/** Nothing that rules look at stands in the first 800 bytes, which come in pieces. */
const dataset = implicitDataset({
  '00080008': Buffer.alloc(2000, ' '),
  '00080060': 'CT',
  '0020000d': '1.2.2\0',
})
const pieces = 400

/** Headers and bytes for each piece: whoever begins anew with each looks at some 200. */
const most = 20

describe('a dataset in pieces of two bytes, each in a PDU of its own, costs as much for each, however many', () => {
  let pacs: Pacs
  let balancer: Balancer

  before(async () => {
    pacs = await startPacs()
    balancer = await startBalancer({
      rules: 'rules: [{ name: CT, when: { Modality: CT }, route: ct }]',
      pools: { ct: [{ name: 'CT', port: pacs.port }] },
      // one thread has one Lua, and one count
      edit: cfg =>
        cfg.replace('lua-load-per-thread dicom.lua', `nbthread 1\n lua-load-per-thread ${counting}\n$&`),
    })
  })
  after(async () => {
    await balancer?.stop()
    await pacs?.stop()
  })

  const work = async () => Number(await balancer.haproxy.command('work'))

  /** Sends an instance: its command, some pieces of its dataset, each when HAProxy has seen the one before, and the rest. */
  async function costOfPieces(peer: Peer): Promise<number> {
    const bytes = storeRq(dataset, { fragment: 2, sopInstance: '1.2.5' })
    const command = pduHeaderLength + bytes.readUInt32BE(2)
    const piece = pduHeaderLength + bytes.readUInt32BE(command + 2)
    let at = command + piece
    let seen = await work()
    const send = async (part: Buffer) => {
      peer.send(part)
      seen = await waitUntil(async () => {
        const now = await work()
        return now > seen ? now : undefined
      })
    }
    await send(bytes.subarray(0, at))
    const begin = seen
    for (let n = 0; n < pieces; n++, at += piece) await send(bytes.subarray(at, at + piece))
    const cost = (seen - begin) / pieces
    peer.send(bytes.subarray(at))
    assert.equal((await peer.receive())?.type, PduType.pData)
    return cost
  }

  async function leave(peer: Peer): Promise<void> {
    peer.send(releaseRq)
    assert.equal((await peer.receive())?.type, PduType.releaseRp)
    peer.close()
  }

  test('before the PACS is chosen', async () => {
    const { peer } = await associate(balancer, { callingAE: 'FIRST' })
    const cost = await costOfPieces(peer)
    await leave(peer)
    assert.ok(cost < most, `${cost} for each piece`)
  })

  test('held by the guard', async () => {
    const { peer } = await associate(balancer, { callingAE: 'LATER' })
    peer.send(storeRq(image({ study: '1.2.1' })))
    assert.equal((await peer.receive())?.type, PduType.pData)
    const cost = await costOfPieces(peer)
    await leave(peer)
    assert.ok(cost < most, `${cost} for each piece`)
  })
})
