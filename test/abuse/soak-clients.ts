import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { encodePData, PduType } from '../../agent/dicom/index.ts'
import type { Ledger } from '../support/ledger.ts'
import {
  associateRq,
  CT_IMAGE,
  commandOnly,
  contexts,
  MR_IMAGE,
  releaseRq,
  VERIFICATION,
} from '../support/messages.ts'
import { cut, outcome, packed, segments, sent, whole } from '../support/mixed.ts'
import { Peer } from '../support/peer.ts'
import { deliver } from './deliver.ts'
import { hearsAll } from './hostile-site.ts'
import { withMistakes } from './mistakes.ts'
import { streams } from './streams.ts'

/** What a client of the soak does, by the name of the association; what becomes of instances is in the ledger. */
export type Client = (
  port: number,
  ledger: Ledger,
  callingAE: string,
  random: () => number,
) => Promise<unknown>

const uncut = whole.map(pdv => encodePData([pdv]))

/** What clients of the mixed association see where nothing is wrong. */
export async function straight(
  port: number,
  ledger: Ledger,
  callingAE: string,
  writes = uncut,
  slow = false,
) {
  const account = ledger.associate(callingAE, sent)
  const seen = await outcome(port, callingAE, writes, slow)
  for (const [index, status] of seen.statuses.entries()) account.told(index + 1, status ?? -1)
  return seen
}

/** The mixed association however it is cut: its client sees what it always sees. */
export const mixed =
  (expected: unknown): Client =>
  async (port, ledger, callingAE, random) => {
    const writes = segments(Buffer.concat(packed(cut(whole, random), random)), random)
    assert.deepEqual(await straight(port, ledger, callingAE, writes, random() < 0.5), expected, callingAE)
  }

/** C-ECHO on the direct path. */
export const verify: Client = async (port, _, callingAE) => {
  const peer = await Peer.connect(port)
  peer.send(associateRq({ callingAE, calledAE: 'ECHO', presentationContexts: contexts([VERIFICATION]) }))
  assert.equal((await peer.receive())?.type, PduType.associateAc, callingAE)
  peer.send(commandOnly(0x0030), releaseRq)
  await peer.rest()
  peer.close()
}

/** Goes away anywhere in the mixed association. */
export const abandon: Client = async (port, ledger, callingAE, random) => {
  const account = ledger.associate(callingAE, sent)
  const peer = await Peer.connect(port)
  peer.send(associateRq({ callingAE, presentationContexts: contexts([CT_IMAGE, MR_IMAGE]) }))
  await peer.receive()
  const bytes = Buffer.concat(uncut)
  peer.send(bytes.subarray(0, Math.floor(bytes.length * random())))
  const hearing = account.follow(peer)
  if (random() < 0.7) await sleep(50 * random())
  account.leave(peer)
  await hearing
}

export const idle: Client = async (port, _, callingAE, random) => {
  const peer = await Peer.connect(port)
  peer.send(associateRq({ callingAE }))
  await peer.receive()
  await sleep(1000 * random())
  peer.send(releaseRq)
  await peer.rest()
  peer.close()
}

/** To a pool where anything may happen. */
export const venture: Client = (port, ledger, callingAE, random) =>
  deliver(port, ledger, {
    callingAE,
    calledAE: random() < 0.5 ? 'SHAKY' : 'SHAKY-DIRECT',
    modalities: ['SHAKY', 'SHAKY'],
    size: Math.floor(200_000 * random()),
  })

/** With mistakes in what it sends, to a pool of its own. */
export const mistaken: Client = async (port, _, callingAE, random) => {
  const all = Object.values(streams)
  const stream = all[Math.floor(all.length * random())] ?? assert.fail()
  await hearsAll(await Peer.connect(port), withMistakes(stream(callingAE, callingAE), random), callingAE)
}
