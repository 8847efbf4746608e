import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import {
  type AssociateAc,
  type AssociateRq,
  type CommandElements,
  decodeAssociateRq,
  decodeCommandSet,
  decodePData,
  encodeAssociateAc,
  encodeCommandSet,
  encodePData,
  encodeReleaseRp,
  PduType,
  pduHeaderLength,
} from '../../agent/dicom/index.ts'
import { EXPLICIT, IMPLICIT } from './messages.ts'
import { Peer } from './peer.ts'
import { freePort } from './ports.ts'

/** What a PACS does with an association once it has read the A-ASSOCIATE-RQ. */
export type Script = (peer: Peer, rq: AssociateRq) => Promise<void>

export interface Stored {
  rq: AssociateRq
  sopInstance: string
  /** bytes of the dataset; kept only as a count and a digest, so that a test can send a large one */
  length: number
  digest: string
}

export interface Pacs {
  port: number
  /** every A-ASSOCIATE-RQ but those of health checks and of agents that ask what is accepted */
  associations: AssociateRq[]
  /** those of agents */
  probes: AssociateRq[]
  stored: Stored[]
  stop(): Promise<void>
}

/** The calling AE title of HAProxy's health checks, which a scripted PACS always answers properly. */
const healthCheck = 'DICOM_LB'
/** The implementation version name of agents that ask. */
const probing = 'DICOM_LB'

/** What most PACS accept at least. */
const acceptsLittle: Script = async (peer, rq) => {
  peer.send(acceptingOnly(rq, [IMPLICIT, EXPLICIT]))
  await released(peer)
}

/**
 * A PACS node on a free port that stores and forgets, or does what `script` says with all but health checks. Agents that
 * ask what it accepts are answered by `toProbe`.
 */
export async function startPacs(script?: Script, toProbe: Script = acceptsLittle): Promise<Pacs> {
  const pacs: Pacs = { port: 0, associations: [], probes: [], stored: [], stop }
  const peers = new Set<Peer>()
  const server = createServer(async socket => {
    const peer = new Peer(socket)
    peers.add(peer)
    const first = await peer.receive()
    if (first?.type === PduType.associateRq) {
      const rq = decodeAssociateRq(first.bytes.subarray(pduHeaderLength))
      if (rq.callingAE === healthCheck) await serve(pacs, peer, rq)
      else if (rq.implementationVersionName === probing) {
        pacs.probes.push(rq)
        await toProbe(peer, rq)
      } else {
        pacs.associations.push(rq)
        await (script ? script(peer, rq) : serve(pacs, peer, rq))
      }
    }
    peer.socket.end()
    peers.delete(peer)
  })
  async function stop(): Promise<void> {
    const closed = once(server, 'close')
    server.close()
    for (const peer of peers) peer.close()
    await closed
  }
  pacs.port = await freePort()
  server.listen(pacs.port, '127.0.0.1')
  await once(server, 'listening')
  return pacs
}

/** Accepts every context with the first transfer syntax proposed, but for what `ac` says. */
export function associateAc(rq: AssociateRq, ac: Partial<AssociateAc> = {}): Buffer {
  const { calledAE, callingAE, applicationContext, presentationContexts } = rq
  return encodeAssociateAc({
    protocolVersion: 1,
    calledAE,
    callingAE,
    applicationContext,
    presentationContexts: presentationContexts.map(({ id, transferSyntaxes }) => ({
      id,
      result: 0,
      transferSyntax: transferSyntaxes[0] ?? '',
    })),
    maxPduLength: 0,
    implementationClassUid: '1.2.3.5',
    implementationVersionName: 'TEST_PACS',
    roles: [],
    sopClassExtended: [],
    ...ac,
  })
}

/** Accepts the contexts that propose one of these transfer syntaxes first. */
export function acceptingOnly(rq: AssociateRq, accepted: readonly string[], maxPduLength = 16384): Buffer {
  return associateAc(rq, {
    presentationContexts: rq.presentationContexts.map(({ id, transferSyntaxes: [first = ''] }) =>
      accepted.includes(first)
        ? { id, result: 0, transferSyntax: first }
        : { id, result: 4, transferSyntax: '' },
    ),
    maxPduLength,
  })
}

/** Answers the A-RELEASE-RQ that should come next. */
export async function released(peer: Peer): Promise<void> {
  if ((await peer.receive())?.type === PduType.releaseRq) peer.send(encodeReleaseRp())
}

/** Accepts the association and answers C-ECHO and C-STORE until it is released or the connection ends. */
export async function serve(pacs: Pick<Pacs, 'stored'>, peer: Peer, rq: AssociateRq): Promise<void> {
  peer.send(associateAc(rq))
  let command: CommandElements = {}
  let fragments: Buffer[] = []
  let length = 0
  let hash = createHash('sha256')
  for (let pdu = await peer.receive(); pdu; pdu = await peer.receive()) {
    if (pdu.type === PduType.releaseRq) peer.send(encodeReleaseRp())
    if (pdu.type !== PduType.pData) return
    for (const pdv of decodePData(pdu.bytes.subarray(pduHeaderLength))) {
      if (pdv.command) {
        fragments.push(pdv.data)
        if (!pdv.last) continue
        command = decodeCommandSet(Buffer.concat(fragments)).elements
        fragments = []
        length = 0
        hash = createHash('sha256')
      } else {
        length += pdv.data.length
        hash.update(pdv.data)
      }
      const whole = pdv.last && (!pdv.command || command.CommandDataSetType === 0x0101)
      if (!whole) continue
      if (!pdv.command)
        pacs.stored.push({
          rq,
          sopInstance: command.AffectedSOPInstanceUID ?? '',
          length,
          digest: hash.digest('hex'),
        })
      peer.send(
        encodePData([{ contextId: pdv.contextId, command: true, last: true, data: success(command) }]),
      )
    }
  }
}

function success({ CommandField = 0, MessageID = 0, AffectedSOPClassUID = '' }: CommandElements): Buffer {
  return encodeCommandSet({
    AffectedSOPClassUID,
    CommandField: CommandField | 0x8000,
    MessageIDBeingRespondedTo: MessageID,
    CommandDataSetType: 0x0101,
    Status: 0,
  })
}
