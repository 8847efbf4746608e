import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import {
  type AssociateAc,
  type AssociateRj,
  type AssociateRq,
  decodeAssociateAc,
  decodeAssociateRj,
  encodeAssociateRq,
  encodeReleaseRq,
  PduType,
  pduHeaderLength,
} from '../dicom/index.ts'

/** Where HAProxy takes an agent's connections to pools: the frontend `gateway` of haproxy.cfg. */
export interface Gateway {
  host: string
  port: number
}

export type ProbeAnswer =
  | { outcome: 'accepted'; ac: AssociateAc }
  | { outcome: 'rejected'; rj: AssociateRj }
  /** an A-ABORT, a close, nothing in time, or no DICOM */
  | { outcome: 'silent'; why: string }
  /** HAProxy does not listen there: that says nothing of the pool */
  | { outcome: 'no-gateway'; why: string }

const ANSWER_MS = 10_000
/** For the PACS to end an association that it has answered: who is cut off may log an error. */
const RELEASE_MS = 1000
/** Of an answer; 128 contexts take 14 KB. */
const MAX_ANSWER = 1 << 16

/** Opens an association with a pool, and releases it once the PACS has answered. Never rejects. */
export async function probe(gateway: Gateway, pool: string, rq: AssociateRq): Promise<ProbeAnswer> {
  // an agent that stops does not wait for it
  const socket = connect({ ...gateway, noDelay: true }).unref()
  const limit = AbortSignal.timeout(ANSWER_MS)
  try {
    await once(socket, 'connect', { signal: limit })
  } catch (error) {
    socket.destroy()
    return { outcome: 'no-gateway', why: messageOf(error) }
  }
  try {
    socket.write(Buffer.concat([proxyHeader(pool), encodeAssociateRq(rq)]))
    const { type, body } = await firstPdu(socket, limit)
    switch (type) {
      case PduType.associateAc: {
        const ac = decodeAssociateAc(body)
        release(socket)
        return { outcome: 'accepted', ac }
      }
      case PduType.associateRj:
        return { outcome: 'rejected', rj: decodeAssociateRj(body) }
      default:
        return { outcome: 'silent', why: type === PduType.abort ? 'A-ABORT' : `a PDU of type ${type}` }
    }
  } catch (error) {
    return { outcome: 'silent', why: messageOf(error) }
  } finally {
    if (!socket.writableEnded) socket.destroy()
  }
}

async function firstPdu(socket: Socket, signal: AbortSignal): Promise<{ type: number; body: Buffer }> {
  let received = Buffer.alloc(0)
  const iterator = socket.iterator({ destroyOnReturn: false })
  const abort = () => socket.destroy(new Error('no answer in time'))
  signal.addEventListener('abort', abort)
  try {
    for await (const chunk of iterator) {
      received = Buffer.concat([received, chunk])
      if (received.length < pduHeaderLength) continue
      const length = pduHeaderLength + received.readUInt32BE(2)
      if (length > MAX_ANSWER) throw new Error('no DICOM, or an answer too large')
      if (received.length >= length) {
        return { type: received.readUInt8(0), body: received.subarray(pduHeaderLength, length) }
      }
    }
  } finally {
    signal.removeEventListener('abort', abort)
  }
  throw new Error('the connection was closed')
}

/** The PACS answers the A-RELEASE-RQ and closes; nobody has to wait for that. */
function release(socket: Socket): void {
  socket.on('error', () => {})
  socket.on('close', () => clearTimeout(cut))
  const cut = setTimeout(() => socket.destroy(), RELEASE_MS).unref()
  socket.end(encodeReleaseRq())
  socket.resume()
}

const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
const proxyOverIpv4 = Buffer.of(0x21, 0x11)
const authority = 0x02

/** PROXY protocol version 2 §2.2: the pool's name is the authority; the addresses, which count for nothing, are zero. */
function proxyHeader(pool: string): Buffer {
  const name = Buffer.from(pool)
  const addresses = Buffer.alloc(12)
  const lengths = Buffer.alloc(2)
  lengths.writeUInt16BE(addresses.length + 3 + name.length)
  const tlv = Buffer.of(authority, name.length >> 8, name.length & 0xff)
  return Buffer.concat([signature, proxyOverIpv4, lengths, addresses, tlv, name])
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
