import assert from 'node:assert/strict'
import { decodeCommandSet, decodePData, PduType, pduHeaderLength } from '../../agent/dicom/index.ts'
import type { Pacs } from './pacs.ts'
import type { Pdu, Peer } from './peer.ts'

/** An instance that a client is about to send. */
export interface Instance {
  messageId: number
  sopInstance: string
  /** where it belongs */
  pool: string
  /** of its dataset: digestOf in steady-load.ts */
  digest: string
}

/** What a client was told of an instance: a status, or how the association ended first; or it has left by itself. */
export type Told = number | 'A-ABORT' | 'A-ASSOCIATE-RJ' | 'end of the connection' | 'left'

interface Entry extends Instance {
  told?: Told
}

/** The PACS nodes of each pool. */
export type Nodes = Readonly<Record<string, readonly Pick<Pacs, 'stored'>[]>>

/**
 * What was sent, what clients were told of it, and what PACS nodes have: each instance that was acknowledged is on exactly
 * one node, of its pool, bit by bit; each other one was reported to its client as failed, and is nowhere but in its pool.
 */
export class Ledger {
  readonly counts: Record<string, number> = {}
  readonly #entries = new Map<string, Entry>()

  /** An association that is to send these instances, and no other one of its calling AE title. */
  associate(callingAE: string, instances: readonly Instance[]): Account {
    const entries = instances.map(instance => ({ ...instance }))
    for (const entry of entries) this.#entries.set(keyOf(callingAE, entry), entry)
    return new Account(entries, callingAE)
  }

  /** Compares, and forgets what was acknowledged. What is on its way may still come. */
  settle(nodes: Nodes): void {
    const copies = new Map<string, number>()
    for (const [pool, all] of Object.entries(nodes)) {
      for (const { stored } of all) {
        for (const { rq, sopInstance, digest } of stored) {
          const key = keyOf(rq.callingAE, { sopInstance })
          const entry = this.#entries.get(key)
          assert.ok(entry, `${key} was never sent, or is there once more`)
          assert.deepEqual({ pool, digest }, { pool: entry.pool, digest: entry.digest }, key)
          copies.set(key, (copies.get(key) ?? 0) + 1)
          assert.equal(copies.get(key), 1, `copies of ${key}`)
        }
      }
    }
    const settled = new Set<string>()
    for (const [key, { told }] of this.#entries) {
      if (told !== 0) continue
      assert.ok(copies.has(key), `${key} was acknowledged, and no PACS has it`)
      settled.add(key)
      this.#entries.delete(key)
      this.#count(0)
    }
    for (const { stored } of Object.values(nodes).flat()) {
      const rest = stored.filter(({ rq, sopInstance }) => !settled.has(keyOf(rq.callingAE, { sopInstance })))
      stored.splice(0, stored.length, ...rest)
    }
  }

  /** The same when all has come to rest: every client must have been told of all that it has sent. */
  close(nodes: Nodes): Record<string, number> {
    this.settle(nodes)
    for (const [key, { told }] of this.#entries) {
      assert.notEqual(told, undefined, `nobody was told of ${key}`)
      this.#count(told as Told)
    }
    this.#entries.clear()
    for (const { stored } of Object.values(nodes).flat()) stored.length = 0
    return this.counts
  }

  #count(told: Told): void {
    const name = typeof told === 'number' ? `status ${told.toString(16)}` : told
    this.counts[name] = (this.counts[name] ?? 0) + 1
  }
}

const keyOf = (callingAE: string, { sopInstance }: Pick<Instance, 'sopInstance'>) =>
  `${callingAE} ${sopInstance}`

/** What the client of an association hears of its instances. */
export class Account {
  readonly #entries: readonly Entry[]
  readonly #unanswered: Map<number, Entry>
  readonly #callingAE: string
  #end: Told | undefined

  constructor(entries: readonly Entry[], callingAE: string) {
    this.#entries = entries
    this.#unanswered = new Map(entries.map(entry => [entry.messageId, entry]))
    this.#callingAE = callingAE
  }

  /** How many it has heard nothing of. */
  get unanswered(): number {
    return this.#unanswered.size
  }

  /** What it was told of each, in their order. */
  get all(): (Told | undefined)[] {
    return this.#entries.map(({ told }) => told)
  }

  heard({ type, bytes }: Pdu): void {
    assert.equal(this.#end, undefined, `${this.#callingAE}: a PDU of type ${type} behind the end`)
    if (type === PduType.abort) this.ended('A-ABORT')
    if (type === PduType.associateRj) this.ended('A-ASSOCIATE-RJ')
    if (type !== PduType.pData) return
    for (const { data } of decodePData(bytes.subarray(pduHeaderLength))) {
      const { MessageIDBeingRespondedTo: id = -1, Status = -1 } = decodeCommandSet(data).elements
      this.told(id, Status)
    }
  }

  told(messageId: number, status: number): void {
    const entry = this.#unanswered.get(messageId)
    assert.ok(entry, `${this.#callingAE}: a response to message ${messageId}, which waits for none`)
    entry.told = status
    this.#unanswered.delete(messageId)
  }

  /** What has not been answered will never be. */
  ended(how: Exclude<Told, number>): void {
    this.#end ??= how
    for (const entry of this.#unanswered.values()) entry.told = this.#end
    this.#unanswered.clear()
  }

  /** Hears all that the balancer says, until `enough` or the connection ends. */
  async follow(peer: Peer, enough = () => this.unanswered === 0): Promise<void> {
    while (this.#end === undefined && !enough()) {
      const pdu = await peer.receive()
      if (pdu) this.heard(pdu)
      else this.ended('end of the connection')
    }
  }

  /** The client goes, whatever it has heard. */
  leave(peer: Peer): void {
    peer.close()
    this.ended('left')
  }
}
