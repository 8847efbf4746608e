import assert from 'node:assert/strict'
import {
  type AssociateAc,
  type AssociateRq,
  decodeAssociateAc,
  PduType,
  pduHeaderLength,
} from '../../agent/dicom/index.ts'
import { associateRq } from './messages.ts'
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
