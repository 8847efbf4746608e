import { PduType } from '../../agent/dicom/index.ts'
import type { Ledger, Told } from '../support/ledger.ts'
import { associateRq, image, releaseRq, storeRq } from '../support/messages.ts'
import { Peer } from '../support/peer.ts'
import { digestOf } from '../support/steady-load.ts'

/** An association of a client that believes what it is told. */
export interface Delivery {
  callingAE: string
  calledAE?: string
  /** one for each instance, of a study of its own; it belongs into the pool that is called like this, in small letters */
  modalities?: readonly string[]
  /** bytes of pixel data in each */
  size?: number
}

/** Sends all of it at once, and enters in the ledger what the balancer says, to the end; the result is what that was. */
export async function deliver(
  port: number,
  ledger: Ledger,
  delivery: Delivery,
): Promise<(Told | undefined)[]> {
  const { callingAE, calledAE = 'TAGS', modalities = ['CT'], size = 300_000 } = delivery
  const datasets = modalities.map((modality, index) =>
    image({ modality, study: `1.2.${index}`, size: size - index }),
  )
  const instances = datasets.map((dataset, index) => ({
    messageId: index + 1,
    sopInstance: `1.3.${index}`,
    pool: (modalities[index] ?? '').toLowerCase(),
    digest: digestOf(dataset),
  }))
  const account = ledger.associate(callingAE, instances)
  const peer = await Peer.connect(port)
  peer.send(associateRq({ callingAE, calledAE }))
  const answer = await peer.receive()
  if (answer?.type === PduType.associateAc) {
    for (const [index, dataset] of datasets.entries()) {
      const { messageId, sopInstance } = instances[index] as (typeof instances)[number]
      peer.send(storeRq(dataset, { messageId, sopInstance }))
    }
  } else if (answer) account.heard(answer)
  await account.follow(peer)
  if (peer.socket.writable) peer.send(releaseRq)
  for (const pdu of await peer.rest()) account.heard(pdu)
  peer.close()
  return account.all
}
