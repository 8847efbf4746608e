import { connect, type SecureContextOptions } from 'node:tls'
import { associateRq, image, storeRq } from '../support/messages.ts'
import { generator } from '../support/mixed.ts'
import { Peer } from '../support/peer.ts'
import { besides, comesToRest, forget, hearsAll, inTurn, type Site } from './hostile-site.ts'

/** Where hostile clients come from, so that the limits of an address do not hit the one that makes no mistakes. */
const ADDRESS = '127.0.0.2'
const DRIP_MS = 1000

const rq = associateRq({ callingAE: 'HOSTILE', calledAE: 'TAGS' })

/** How many clients have heard what until their connection ended: by the types of PDUs, such as `2,7`. */
export type Heard = Record<string, number>

/** So many at a time that say nothing, until the balancer has ended it. */
export function silentClients(site: Site, count: number): Promise<Heard> {
  return atOnce(site, count, listens)
}

/**
 * So many at a time that send a byte each second: of an A-ASSOCIATE-RQ or, every second of them, of a dataset when that is
 * answered; until the balancer has ended it.
 */
export function drippingClients(site: Site, count: number): Promise<Heard> {
  return atOnce(site, count, async (peer, n) => {
    if (n % 2) peer.send(rq)
    const bytes = n % 2 ? storeRq(image()) : rq
    let at = 0
    const timer = setInterval(() => peer.send(bytes.subarray(at, ++at)), DRIP_MS)
    return listens(peer).finally(() => clearInterval(timer))
  })
}

/** So many that ask for an association at the same time, and keep what they get until the balancer has ended it. */
export function floodingClients(site: Site, count: number): Promise<Heard> {
  return atOnce(site, count, peer => {
    peer.send(rq)
    return listens(peer)
  })
}

const listens = async (peer: Peer) => (await peer.rest()).map(({ type }) => type)

/** Beside these clients, one like any other goes on. A connection may be reset before a client knows that there is one. */
async function atOnce(
  site: Site,
  count: number,
  talk: (peer: Peer, n: number) => Promise<number[]>,
): Promise<Heard> {
  const heard: Heard = {}
  const client = async (n: number) => {
    const peer = await Peer.connect(site.balancer.port, ADDRESS).catch(error => {
      if (error.code !== 'ECONNRESET') throw error
    })
    note(heard, peer ? await talk(peer, n) : [])
    peer?.close()
  }
  await besides(site, Promise.all(Array.from({ length: count }, (_, n) => client(n))))
  return rested(site, heard)
}

/**
 * So many clients of each of these kinds: TLS on the port that is without; DICOM, noise, and a record of noise on that with
 * TLS; and noise within TLS.
 */
export async function clientsAstray(
  site: Site,
  tlsPort: number,
  identity: SecureContextOptions,
  count: number,
  seed: number,
): Promise<Record<string, Heard>> {
  const random = generator(seed)
  const noise = () => Buffer.from(Array.from({ length: 1 + 300 * random() }, () => 256 * random()))
  const record = (content: Buffer) =>
    Buffer.from([0x16, 3, 1, content.length >> 8, content.length & 0xff, ...content])
  const onPort = (port: number) => () => Peer.connect(port, ADDRESS)
  const byTls = async () =>
    new Peer(connect({ ...identity, port: tlsPort, host: '127.0.0.1', checkServerIdentity: () => undefined }))
  const kinds: Record<string, [() => Promise<Peer>, () => Buffer]> = {
    'TLS without TLS': [onPort(site.balancer.port), () => record(noise())],
    'DICOM on the TLS port': [onPort(tlsPort), () => rq],
    'noise on the TLS port': [onPort(tlsPort), noise],
    'a record of noise on the TLS port': [onPort(tlsPort), () => record(noise())],
    'noise within TLS': [byTls, () => Buffer.concat([Buffer.of(0xff), noise()])],
  }
  const heard: Record<string, Heard> = {}
  const clients = Object.entries(kinds).flatMap(kind => Array.from({ length: count }, () => kind))
  const all = inTurn(clients, async ([name, [begin, bytes]]) => {
    const answers = await hearsAll(await begin(), bytes(), `${name}, seed ${seed}`)
    heard[name] ??= {}
    note(
      heard[name],
      answers.map(({ type }) => type),
    )
  })
  await besides(site, all)
  return rested(site, heard)
}

function note(heard: Heard, types: readonly number[]): void {
  const key = types.join()
  heard[key] = (heard[key] ?? 0) + 1
}

async function rested<T>(site: Site, heard: T): Promise<T> {
  await comesToRest(site)
  forget(site)
  return heard
}
