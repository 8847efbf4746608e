import assert from 'node:assert/strict'
import { decodeCommandSet, PduType, pduHeaderLength } from '../../agent/dicom/index.ts'
import { generator } from '../support/mixed.ts'
import { breakOff, type Pdu, Peer } from '../support/peer.ts'
import { digestOf } from '../support/steady-load.ts'
import { acknowledged, besides, comesToRest, forget, hearsAll, inTurn, type Site } from './hostile-site.ts'
import { withMistakes } from './mistakes.ts'
import { type Stream, streams } from './streams.ts'

/** What became of clients: instances acknowledged, and associations accepted, or ended by an A-ABORT. */
export interface Outcome {
  acknowledged: number
  accepted: number
  aborted: number
}

interface Message {
  messageId: number
  /** UID and digest of its dataset */
  instance: string
  modality: string | undefined
  study: string | undefined
}

/** A PACS of the tests stores a dataset that no command came before, too. */
const noCommand = { isStore: false, messageId: 0, sopInstance: '' }

interface Sent {
  name: string
  messages: Message[]
  direct: boolean
  acknowledged: number[]
}

/**
 * So many clients of each stream, with mistakes that depend on the seed alone, beside one that makes none. Fails unless each
 * instance that one was told Success for is stored as it was sent, no other one is, none is in a pool that is not its own,
 * and HAProxy comes to rest. PACS nodes forget what they have got.
 */
export async function mutatedClients(site: Site, count: number, seed: number): Promise<Outcome> {
  const outcome = { acknowledged: 0, accepted: 0, aborted: 0 }
  const sent: Sent[] = []
  const clients = Object.entries(streams).flatMap(([what, stream]) =>
    Array.from({ length: count }, (_, n) => ({ what, stream, seed: seed + n })),
  )
  const hostile = inTurn(clients, async ({ what, stream, seed }) => {
    const name = `${what}, seed ${seed}`
    const { bytes, answers } = await send(site, stream, seed, name)
    outcome.accepted += Number(answers[0]?.type === PduType.associateAc)
    outcome.aborted += Number(answers.at(-1)?.type === PduType.abort)
    const told = acknowledged(answers)
    outcome.acknowledged += told.length
    sent.push({ name, messages: messagesOf(bytes), direct: isDirect(bytes), acknowledged: told })
  })
  await besides(site, hostile)
  await comesToRest(site)
  check(site, sent)
  forget(site)
  return outcome
}

/** Sends a stream with mistakes, and returns what was sent, and all that was answered. */
async function send({ balancer }: Site, stream: Stream, seed: number, name: string) {
  const random = generator(seed)
  const pdus = stream(`SEED-${seed}`, name)
  const bytes = withMistakes(pdus, random)
  const [rq = Buffer.alloc(0)] = pdus
  const isPolite = bytes.subarray(0, rq.length).equals(rq) && random() < 0.7
  const leaves = random() < 0.1
  const peer = await Peer.connect(balancer.port)
  const answers: Pdu[] = []
  if (isPolite) {
    peer.send(rq)
    const answer = await peer.receive()
    if (answer) answers.push(answer)
  }
  const rest = bytes.subarray(isPolite ? rq.length : 0)
  if (leaves) {
    await new Promise(resolve => peer.socket.write(rest, resolve))
    breakOff(peer.socket)
  } else {
    answers.push(...(await hearsAll(peer, rest, name)))
  }
  return { bytes, answers }
}

function check({ ct, mr }: Site, sent: readonly Sent[]): void {
  const stored = new Map<string, { pool: string; callingAE: string }>()
  for (const [pool, pacs] of Object.entries({ ct, mr })) {
    for (const { rq, sopInstance, digest } of pacs.stored) {
      if (!rq.callingAE.startsWith('NORMAL-'))
        stored.set(`${sopInstance} ${digest}`, { pool, callingAE: rq.callingAE })
    }
  }
  const known = new Set<string>()
  for (const { name, messages, direct, acknowledged } of sent) {
    const [first] = messages.filter(({ instance }) => stored.has(instance))
    for (const { instance, modality, study } of messages) {
      known.add(instance)
      const pool = stored.get(instance)?.pool
      const belongs = modality?.toLowerCase()
      // of a study that is there, the rest follows; what no rule is about may not be stored, but that is for the agent to tell
      if (pool === undefined || direct || (study !== undefined && study === first?.study)) continue
      if (belongs === 'ct' || belongs === 'mr')
        assert.equal(pool, belongs, `${name}: the pool of ${instance}`)
    }
    for (const id of acknowledged) {
      const isStored = messages.some(({ messageId, instance }) => messageId === id && stored.has(instance))
      assert.ok(isStored, `${name}: message ${id} was acknowledged, and is not stored as it was sent`)
    }
  }
  for (const [instance, { callingAE }] of stored)
    assert.ok(known.has(instance), `${callingAE}: ${instance} was sent by nobody`)
}

/** Whether the rules need no dataset: as the agent reads the called AE title. */
function isDirect(bytes: Buffer): boolean {
  return bytes.toString('latin1', 10, 26).trim() === 'DIRECT'
}

/**
 * The C-STOREs in a client's bytes, up to where they are no DICOM any more; a PDV counts even if its PDU is not whole. With
 * mistakes in them, more is read into them here than a PACS would, but never less.
 */
export function messagesOf(bytes: Buffer): Message[] {
  const messages: Message[] = []
  let command: Buffer[] = []
  let data: Buffer[] = []
  let current: ReturnType<typeof readCommand> = noCommand
  for (const { isCommand, isLast, fragment } of pdvsOf(bytes)) {
    if (isCommand) {
      command.push(fragment)
      if (!isLast) continue
      current = readCommand(Buffer.concat(command))
      command = []
      data = []
    } else {
      data.push(fragment)
      if (!isLast || !current) continue
      const dataset = Buffer.concat(data)
      messages.push({
        messageId: current.messageId,
        instance: `${current.sopInstance} ${digestOf(dataset)}`,
        // of what is no C-STORE, the guard knows nothing, and a real PACS would not store it
        modality: current.isStore ? elementOf(dataset, 0x00080060) : undefined,
        study: elementOf(dataset, 0x0020000d),
      })
      data = []
    }
  }
  return messages
}

function* pdvsOf(bytes: Buffer) {
  for (let at = 0; at + pduHeaderLength <= bytes.length; ) {
    const isPData = bytes[at] === PduType.pData
    if (!isPData && at > 0) return
    const end = at + pduHeaderLength + bytes.readUInt32BE(at + 2)
    for (at += pduHeaderLength; isPData && at < end; ) {
      if (at + 6 > bytes.length) return
      const length = bytes.readUInt32BE(at)
      if (length < 2 || at + 4 + length > Math.min(end, bytes.length)) return
      const control = bytes[at + 5] ?? 0
      const fragment = bytes.subarray(at + 6, at + 4 + length)
      yield { isCommand: (control & 1) !== 0, isLast: (control & 2) !== 0, fragment }
      at += 4 + length
    }
    at = end
  }
}

function readCommand(bytes: Buffer) {
  try {
    const { commandField, messageId, affectedSopInstanceUid } = decodeCommandSet(bytes)
    return { isStore: commandField === 0x0001, messageId, sopInstance: affectedSopInstanceUid }
  } catch {
    return undefined
  }
}

/** Of an element in implicit VR, as long as the tags ascend. */
function elementOf(dataset: Buffer, wanted: number): string | undefined {
  for (let at = 0, before = -1; at + 8 <= dataset.length; ) {
    const tag = dataset.readUInt16LE(at) * 0x10000 + dataset.readUInt16LE(at + 2)
    const end = at + 8 + dataset.readUInt32LE(at + 4)
    if (tag <= before || end > dataset.length) return undefined
    if (tag === wanted) return dataset.toString('latin1', at + 8, end).replace(/[\0 ]+$/, '')
    at = end
    before = tag
  }
  return undefined
}
