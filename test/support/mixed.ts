import assert from 'node:assert/strict'
import {
  decodeCommandSet,
  decodePData,
  encodePData,
  PduType,
  pduHeaderLength,
} from '../../agent/dicom/index.ts'
import type { Instance } from './ledger.ts'
import { associateRq, CT_IMAGE, contexts, image, MR_IMAGE, releaseRq, storeRq } from './messages.ts'
import { Peer } from './peer.ts'
import { digestOf } from './steady-load.ts'

export const rules = `
pools:
  ct: &accepts { maxPduLength: 16384 }
  mr: *accepts
rules:
  - { name: CT, when: { Modality: CT }, route: ct }
  - { name: MR, when: { Modality: MR }, route: mr }
  - { name: echo, when: { calledAE: ECHO }, route: ct }
`

/** Ten instances: of the first study, of another in the same pool, and of another pool; from small to more than a buffer. */
const instances = [
  { modality: 'CT', study: '1.2.1', size: 500 },
  { modality: 'MR', study: '1.2.2', size: 700 },
  { modality: 'CT', study: '1.2.1', size: 90_000 },
  { modality: 'CT', study: '1.2.3', size: 3_000 },
  { modality: 'MR', study: '1.2.2', size: 70_000 },
  { modality: 'MR', study: '1.2.4', size: 100 },
  { modality: 'CT', study: '1.2.1', size: 20 },
  { modality: 'CT', study: '1.2.3', size: 66_000 },
  { modality: 'MR', study: '1.2.2', size: 5_000 },
  { modality: 'CT', study: '1.2.1', size: 10_000 },
].map((instance, index) => ({ ...instance, messageId: index + 1, sopInstance: `1.3.${index}` }))

export type Pdv = ReturnType<typeof decodePData>[number]

/** The same as a ledger has them. */
export const sent: Instance[] = instances.map(instance => ({
  messageId: instance.messageId,
  sopInstance: instance.sopInstance,
  pool: instance.modality.toLowerCase(),
  digest: digestOf(image(instance)),
}))

/** One PDV for each command set and for each dataset. */
export const whole: Pdv[] = instances.flatMap(instance => {
  const contextId = instance.modality === 'CT' ? 1 : 3
  const dataset = image(instance)
  const pdus = storeRq(Buffer.alloc(0), { ...instance, contextId })
  return [
    ...decodePData(pdus.subarray(pduHeaderLength)),
    { contextId, command: false, last: true, data: dataset },
  ]
})

/** What a client sees that sends these bytes, one write after the other; with pauses where it is `slow`. */
export async function outcome(port: number, callingAE: string, writes: readonly Buffer[], slow: boolean) {
  const peer = await Peer.connect(port)
  peer.send(associateRq({ callingAE, presentationContexts: contexts([CT_IMAGE, MR_IMAGE]) }))
  assert.equal((await peer.receive())?.type, PduType.associateAc, callingAE)
  for (const bytes of writes) {
    await new Promise(resolve => peer.socket.write(bytes, resolve))
    if (slow) await new Promise(resolve => setImmediate(resolve))
  }
  const statuses: (number | undefined)[] = []
  while (statuses.length < instances.length) {
    const pdu = await peer.receive()
    assert.equal(pdu?.type, PduType.pData, callingAE)
    for (const { data } of decodePData(pdu.bytes.subarray(pduHeaderLength))) {
      const { MessageIDBeingRespondedTo, Status } = decodeCommandSet(data).elements
      assert.equal(MessageIDBeingRespondedTo, statuses.length + 1, callingAE)
      statuses.push(Status)
    }
  }
  peer.send(releaseRq)
  const end = (await peer.rest()).map(({ type }) => type)
  peer.close()
  return { statuses, end }
}

/** Fragments of random size: small ones in one message, large ones in another. */
export function cut(pdvs: readonly Pdv[], random: () => number): Pdv[] {
  return pdvs.flatMap(pdv => {
    const most = Math.ceil(pdv.data.length * random() ** 3) + 20
    const pieces: Pdv[] = []
    for (let at = 0; at < pdv.data.length; ) {
      const data = pdv.data.subarray(at, at + 1 + Math.floor(random() * most))
      at += data.length
      pieces.push({ ...pdv, data, last: at === pdv.data.length })
    }
    return pieces
  })
}

/** P-DATA-TF PDUs of one PDV each, or of several, also across messages. */
export function packed(pdvs: readonly Pdv[], random: () => number): Buffer[] {
  const most = random() < 0.5 ? 1 : 10
  const pdus: Buffer[] = []
  for (let at = 0; at < pdvs.length; ) {
    const count = 1 + Math.floor(random() * most)
    pdus.push(encodePData(pdvs.slice(at, at + count)))
    at += count
  }
  return pdus
}

export function segments(bytes: Buffer, random: () => number): Buffer[] {
  const most = 1 + Math.floor(100_000 * random() ** 4)
  const pieces: Buffer[] = []
  // a round of many small writes would last too long
  for (let at = 0; at < bytes.length; ) {
    const size = pieces.length > 500 ? 50_000 : 1 + Math.floor(random() * most)
    pieces.push(bytes.subarray(at, at + size))
    at += size
  }
  return pieces
}

/** Numbers in [0, 1) that depend on `seed` alone (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
