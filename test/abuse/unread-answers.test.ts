import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { decodeAbort, PduType, pduHeaderLength } from '../../agent/dicom/index.ts'
import { type Balancer, type BalancerOptions, startBalancer } from '../support/balancer.ts'
import { associate } from '../support/client.ts'
import { waitUntil } from '../support/haproxy.ts'
import { CT_IMAGE, commandOnly, contexts, VERIFICATION } from '../support/messages.ts'
import { type Pacs, startPacs } from '../support/pacs.ts'
import { breakOff, type Peer } from '../support/peer.ts'

/** More than all buffers between here and there hold, with their answers. */
const chunks = 300
const chunk = Buffer.concat(Array.from({ length: 1000 }, () => commandOnly(0x0030, { contextId: 3 })))

describe('a client that sends C-ECHOs before its first dataset, and reads no answer', () => {
  let pacs: Pacs
  let balancer: Balancer
  let peer: Peer

  /** What is still to be sent by this client is in `peer.socket.writableLength`. */
  async function begin(options: Pick<BalancerOptions, 'env' | 'edit'>): Promise<void> {
    pacs = await startPacs()
    balancer = await startBalancer({
      rules: 'rules: [{ name: CT, when: { Modality: CT }, route: ct }]',
      pools: { ct: [{ name: 'CT', port: pacs.port }] },
      ...options,
    })
    const presentationContexts = contexts([CT_IMAGE, VERIFICATION])
    peer = (await associate(balancer, { callingAE: 'DEAF', presentationContexts })).peer
    peer.socket.pause()
    for (let n = 0; n < chunks; n++) peer.socket.write(chunk)
  }
  afterEach(async () => {
    peer.close()
    await balancer.stop()
    await pacs.stop()
  })

  test('is refused when the time for its dataset is over', async () => {
    await begin({ env: { DATASET_TIMEOUT: '1' } })
    // since what a refused client still sends is thrown away
    await waitUntil(() => peer.socket.writableLength === 0)
    peer.socket.resume()
    const answers = await peer.rest()
    const last = answers.pop()
    assert.equal(last?.type, PduType.abort)
    assert.deepEqual(Object.values(decodeAbort(last.bytes.subarray(pduHeaderLength))), [2, 0])
    assert.ok(answers.every(({ type }) => type === PduType.pData))
    assert.match(await balancer.logLine('DEAF'), / refusal=dataset-timeout /)
  })

  test('does not keep its connection, either', async () => {
    await begin({ env: { DATASET_TIMEOUT: '1' }, edit: cfg => cfg.replaceAll('tcp-ut 15m', 'tcp-ut 3s') })
    assert.match(await balancer.logLine('DEAF'), / refusal=(dataset-timeout|client-closed) /)
  })

  test('may go away with all buffers full', async () => {
    await begin({})
    let unsent = 0
    let looks = 0
    await waitUntil(() => {
      looks = unsent === peer.socket.writableLength ? looks + 1 : 0
      unsent = peer.socket.writableLength
      return looks > 50
    })
    assert.ok(unsent > 0)
    breakOff(peer.socket)
    assert.match(await balancer.logLine('DEAF'), / refusal=client-closed /)
    assert.doesNotMatch(balancer.haproxy.log(), /Lua/)
  })
})
