import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
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
import { Peer } from './peer.ts'

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
  /** every A-ASSOCIATE-RQ but those of health checks */
  associations: AssociateRq[]
  stored: Stored[]
  stop(): Promise<void>
}

/** The calling AE title of HAProxy's health checks, which a scripted PACS always answers properly. */
const healthCheck = 'DICOM_LB'

/** A PACS node on a free port that stores and forgets, or does what `script` says with all but health checks. */
export async function startPacs(script?: Script): Promise<Pacs> {
  const pacs: Pacs = { port: 0, associations: [], stored: [], stop }
  const peers = new Set<Peer>()
  const server = createServer(async socket => {
    const peer = new Peer(socket)
    peers.add(peer)
    const first = await peer.receive()
    if (first?.type === PduType.associateRq) {
      const rq = decodeAssociateRq(first.bytes.subarray(pduHeaderLength))
      const checking = rq.callingAE === healthCheck
      if (!checking) pacs.associations.push(rq)
      await (checking || !script ? serve(pacs, peer, rq) : script(peer, rq))
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
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  pacs.port = (server.address() as AddressInfo).port
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
