import assert from 'node:assert/strict'
import {
  type AssociateAc,
  type AssociateRq,
  decodeAssociateAc,
  PduType,
  pduHeaderLength,
} from '../../agent/dicom/index.ts'
import { associateRq, image, releaseRq, storeRq } from './messages.ts'
import { Peer } from './peer.ts'

/** A client whose A-ASSOCIATE-RQ was answered. */
export interface Client {
  peer: Peer
  /** undefined where the association was not accepted */
  ac: AssociateAc | undefined
  /** the PDU without its header */
  answer: Buffer
}

export async function associate({ port }: { port: number }, rq: Partial<AssociateRq>): Promise<Client> {
  const peer = await Peer.connect(port)
  peer.send(associateRq(rq))
  const first = await peer.receive()
  assert.ok(first)
  const answer = first.bytes.subarray(pduHeaderLength)
  return { peer, ac: first.type === PduType.associateAc ? decodeAssociateAc(answer) : undefined, answer }
}

/** An association with an instance of each of these modalities, each of a study of its own, whatever is answered. */
export async function storeEach(
  port: number,
  callingAE: string,
  modalities: readonly string[],
): Promise<void> {
  const { peer } = await associate({ port }, { callingAE })
  for (const [index, modality] of modalities.entries()) {
    peer.send(storeRq(image({ modality, study: `1.2.${index}` })))
    await peer.receive()
  }
  peer.send(releaseRq)
  await peer.rest()
  peer.close()
}
