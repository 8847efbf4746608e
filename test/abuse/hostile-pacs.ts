import { setTimeout as sleep } from 'node:timers/promises'
import { encodeAbort, PduType } from '../../agent/dicom/index.ts'
import { IMPLICIT } from '../support/messages.ts'
import { associateAc, type Pacs, type Script, serve, startPacs } from '../support/pacs.ts'
import type { Peer } from '../support/peer.ts'

/** What a PACS does with an association once it has read the A-ASSOCIATE-RQ; it may keep something. */
export type Hostile = (...association: [...Parameters<Script>, pacs: Pick<Pacs, 'stored'>]) => Promise<void>

const abort = encodeAbort({ source: 0, reason: 0 })
export const reject = Buffer.from([PduType.associateRj, 0, 0, 0, 0, 4, 0, 1, 1, 1])

/** Reads so many PDUs, or what there is until the connection ends. */
async function read(peer: Peer, pdus: number): Promise<void> {
  for (let count = 0; count < pdus && (await peer.receive()); count++);
}

/** Takes what comes, but reads a byte now and then until `hurry`. */
export function slowly(hurry: () => Promise<unknown>): Hostile {
  return async (peer, rq, pacs) => {
    peer.socket.pause()
    const reading = setInterval(() => peer.socket.read(1), 20)
    void hurry().then(() => {
      clearInterval(reading)
      peer.socket.resume()
    })
    await serve(pacs, peer, rq)
  }
}

/** What PACS nodes do that answer health checks and agents properly. None acknowledges what it has not taken. */
export const hostile = {
  'accepts the connection and hangs': async peer => void (await peer.rest()),
  'refuses the association': async peer => peer.send(reject),
  'aborts in the middle of an instance': async (peer, rq) => {
    peer.send(associateAc(rq))
    await read(peer, 3)
    peer.send(abort)
  },
  'closes in the middle of an instance': async (peer, rq) => {
    peer.send(associateAc(rq))
    await read(peer, 3)
  },
  'breaks the connection in the middle of an instance': async (peer, rq) => {
    peer.send(associateAc(rq))
    await read(peer, 3)
    peer.socket.resetAndDestroy()
  },
  'answers with the A-ASSOCIATE-AC twice': async (peer, rq, pacs) => {
    peer.send(associateAc(rq))
    await serve(pacs, peer, rq)
  },
  'accepts contexts that were not offered': async (peer, rq, pacs) => {
    const more = [101, 103].map(id => ({ id, abstractSyntax: '', transferSyntaxes: [IMPLICIT] }))
    await serve(pacs, peer, { ...rq, presentationContexts: [...rq.presentationContexts, ...more] })
  },
  'closes behind the A-ASSOCIATE-AC': async (peer, rq) => peer.send(associateAc(rq)),
  'sends an A-ASSOCIATE-AC larger than a buffer': async (peer, rq) => {
    const ac = associateAc(rq)
    const more = Buffer.alloc(400_000)
    ac.writeUInt32BE(ac.readUInt32BE(2) + more.length, 2)
    peer.send(ac, more)
    await peer.rest()
  },
  'takes everything and answers nothing': async (peer, rq) => {
    peer.send(associateAc(rq))
    await peer.rest()
  },
  'reads a byte now and then, for a while': slowly(() => sleep(1000)),
} satisfies Record<string, Hostile>

export type Hostility = keyof typeof hostile

/** A PACS node that does what `script` says now. */
export async function startHostilePacs(script: () => Hostile): Promise<Pacs> {
  const pacs: Pacs = await startPacs((peer, rq) => script()(peer, rq, pacs))
  return pacs
}
