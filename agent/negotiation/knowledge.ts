import { createHash } from 'node:crypto'
import { type AssociateRj, type AssociateRq, ContextResult } from '../dicom/index.ts'
import type { Pool } from '../routing/index.ts'
import { type Acceptance, declared } from './acceptance.ts'
import { implementation } from './defaults.ts'
import type { ProbeAnswer } from './probe.ts'

/** What is known of a pool: what it accepts, or that it takes no association of this client, and why. */
export type Known = { accepts: Acceptance } | { rejects: AssociateRj } | { silent: true }

export interface Knowledge {
  /** What a pool answers to this client and what it proposes; undefined where it has to be asked. */
  of(pool: string, declaration: Pool, rq: AssociateRq): Known | undefined
  /** Resolves when that is known. Who asks for the same waits for the same answer. */
  ask(pool: string, declaration: Pool, rq: AssociateRq): Promise<void>
  /** Asks anew, of pools that are to be asked, what would soon not count any more, for clients that came in the last day. */
  refresh(isAsked: (pool: string) => boolean): void
  /** A pool has answered otherwise: nothing of what is known of it counts. */
  forget(pool: string): void
  /** The same for HAProxy's list of such pools, `ct=TOKEN mr=TOKEN`, where a token is new. */
  forgetStale(list: string): void
}

export interface KnowledgeOptions {
  probe: (pool: string, rq: AssociateRq) => Promise<ProbeAnswer>
  onProbe?: (pool: string, answer: ProbeAnswer, rq: AssociateRq) => void
  onLookUp?: (isKnown: boolean) => void
  now?: () => number
}

/** How long an answer counts, and from when on a client that comes has it asked for anew, without waiting. */
const TTL_MS = 60 * 60_000
const REFRESH_MS = 10 * 60_000
/** The same without a client that comes: at what age, since when the last one came, and how many at a time. */
const REFRESH_UNASKED_MS = TTL_MS - REFRESH_MS
const ABSENT_MS = 24 * TTL_MS
const MAX_REFRESHES = 40
/** How long it counts that a pool gave no answer, or did not take the association: it may soon. */
const RETRY_MS = 3000
/** Presentation contexts in an association (PS3.8 §9.3.2.2: ids are odd and of one byte). */
const MAX_CONTEXTS = 128
/** Pairs of abstract and transfer syntax that a proposal has asked for; the largest seen has 1664. */
const MAX_ASKED = 2048
/** What is kept: pairs of an entry, pairs of all, and entries. */
const MAX_PAIRS_OF_ENTRY = 20_000
const MAX_PAIRS = 200_000
const MAX_ENTRIES = 2000
const MAX_TOKENS = 1000

type Pair = readonly [abstractSyntax: string, transferSyntax: string]
/** Results by abstract syntax, and by transfer syntax. */
type Results = Map<string, Map<string, number>>

/** What a pool has answered to a pair of AE titles and, where it is told, a user identity. */
interface Entry {
  pool: string
  /** as whom to ask; undefined where it takes a passcode, since these are not kept */
  client: AssociateRq | undefined
  /** when a client last came */
  usedAt: number
  results: Results
  pairs: number
  maxPduLength: number
  /** when the oldest of the results came */
  learnedAt: number
  failure?: { known: Known; at: number } | undefined
  flight?: Promise<void> | undefined
}

/** The knowledge of one agent, gone when that is. */
export function createKnowledge(options: KnowledgeOptions): Knowledge {
  const { probe, onProbe = () => {}, onLookUp = () => {}, now = Date.now } = options
  /** the one that was used last is the last */
  const entries = new Map<string, Entry>()
  const tokens = new Set<string>()
  let lastStale = ''

  function find(pool: string, client: AssociateRq): Entry | undefined {
    const key = keyOf(pool, client)
    const entry = entries.get(key)
    if (!entry) return undefined
    entries.delete(key)
    if (entry.pairs > 0 && now() - entry.learnedAt > TTL_MS && !entry.flight) return undefined
    entry.usedAt = now()
    entries.set(key, entry)
    return entry
  }

  /** Asks for these pairs, in as many associations as it takes; in place of what is there, or beside it. */
  async function learn(entry: Entry, client: AssociateRq, pairs: readonly Pair[], anew: boolean) {
    const startedAt = now()
    const learned: Results = new Map()
    for (const [abstractSyntax, transferSyntax] of pairs.slice(MAX_ASKED)) {
      put(learned, abstractSyntax, transferSyntax, ContextResult.noReason)
    }
    for (let from = 0; from < Math.min(pairs.length, MAX_ASKED); from += MAX_CONTEXTS) {
      const asked = pairs.slice(from, Math.min(from + MAX_CONTEXTS, MAX_ASKED))
      const answer = await probe(entry.pool, proposal(client, asked))
      onProbe(entry.pool, answer, client)
      if (answer.outcome !== 'accepted') {
        entry.failure = { known: withoutAnswer(answer), at: now() }
        return
      }
      const { presentationContexts, maxPduLength = 0 } = answer.ac
      for (const [index, [abstractSyntax, transferSyntax]] of asked.entries()) {
        const found = presentationContexts.find(({ id }) => id === contextId(index))
        const isAnother =
          found?.result === ContextResult.acceptance && found.transferSyntax !== transferSyntax
        const result = found && !isAnother ? found.result : ContextResult.noReason
        put(learned, abstractSyntax, transferSyntax, result)
      }
      entry.maxPduLength = maxPduLength
    }
    entry.failure = undefined
    if (anew || entry.pairs === 0 || entry.pairs + pairs.length > MAX_PAIRS_OF_ENTRY) {
      Object.assign(entry, { results: learned, pairs: pairs.length, learnedAt: startedAt })
    } else {
      for (const [abs, transfer] of pairs) put(entry.results, abs, transfer, learned.get(abs)?.get(transfer))
      entry.pairs += pairs.length
    }
  }

  function start(entry: Entry, client: AssociateRq, pairs: readonly Pair[], anew: boolean): Promise<void> {
    entry.flight = learn(entry, client, pairs, anew).finally(() => {
      entry.flight = undefined
      forgetOldest()
    })
    return entry.flight
  }

  function forgetOldest(): void {
    let pairs = 0
    for (const entry of entries.values()) pairs += entry.pairs
    for (const [key, entry] of entries) {
      if (pairs <= MAX_PAIRS && entries.size <= MAX_ENTRIES) break
      entries.delete(key)
      pairs -= entry.pairs
    }
  }

  function known(pool: string, client: AssociateRq): Known | undefined {
    const entry = find(pool, client)
    if (!entry) return undefined
    const { results, maxPduLength, failure, flight, learnedAt } = entry
    const failed = failure && now() - failure.at < RETRY_MS ? failure.known : undefined
    if (entry.pairs === 0 || missing(results, client).length > 0) return failed
    if (!failed && !flight && now() - learnedAt > REFRESH_MS) {
      void start(entry, client, pairsOf(results), true)
    }
    return {
      accepts: {
        resultOf: (abs, transfer) => results.get(abs)?.get(transfer) ?? ContextResult.noReason,
        maxPduLength,
      },
    }
  }

  function forget(pool: string): void {
    for (const [key, entry] of entries) if (entry.pool === pool) entries.delete(key)
  }

  return {
    of(pool, declaration, rq) {
      const found = known(pool, addressed(rq, declaration))
      onLookUp(found !== undefined)
      return found
    },
    async ask(pool, declaration, rq) {
      const client = addressed(rq, declaration)
      while (!known(pool, client)) {
        let entry = find(pool, client)
        if (!entry) {
          const asWhom = client.userIdentity ? undefined : { ...client, presentationContexts: [] }
          const nothing = { results: new Map(), pairs: 0, maxPduLength: 0, learnedAt: 0 }
          entry = { pool, client: asWhom, usedAt: now(), ...nothing }
          entries.set(keyOf(pool, client), entry)
        }
        await (entry.flight ?? start(entry, client, missing(entry.results, client), false))
      }
    },
    refresh(isAsked) {
      const isOlder = (at: number, than: number) => now() - at > than
      let room = MAX_REFRESHES
      for (const entry of entries.values()) {
        const { pool, client, pairs, learnedAt, usedAt, failure, flight } = entry
        const isDue =
          isOlder(learnedAt, REFRESH_UNASKED_MS) &&
          !isOlder(usedAt, ABSENT_MS) &&
          !(failure && !isOlder(failure.at, REFRESH_MS))
        if (!client || !isDue || pairs === 0 || flight || !isAsked(pool)) continue
        void start(entry, client, pairsOf(entry.results), true)
        if (--room === 0) break
      }
    },
    forget,
    forgetStale(list) {
      if (list === lastStale) return
      lastStale = list
      for (const token of list.split(' ')) {
        if (tokens.has(token)) continue
        tokens.add(token)
        forget(token.slice(0, token.lastIndexOf('=')))
      }
      for (const oldest of tokens) {
        if (tokens.size <= MAX_TOKENS) break
        tokens.delete(oldest)
      }
    },
  }
}

function withoutAnswer(answer: Exclude<ProbeAnswer, { outcome: 'accepted' }>): Known {
  if (answer.outcome === 'rejected') return { rejects: answer.rj }
  // the agent's own trouble: then it is as if nobody could be asked
  return answer.outcome === 'no-gateway' ? { accepts: declared({}) } : { silent: true }
}

/** The titles that the PACS gets to see. */
function addressed(rq: AssociateRq, { calledAE, callingAE }: Pool): AssociateRq {
  return { ...rq, calledAE: calledAE ?? rq.calledAE, callingAE: callingAE ?? rq.callingAE }
}

/**
 * User identities that are a name, or a name and a passcode (PS3.7 §D.3.3.7.1). The others are tickets and assertions,
 * which may be good for one association only: that is the client's.
 */
function identityOf({ userIdentity }: AssociateRq): AssociateRq['userIdentity'] {
  return userIdentity && userIdentity.type <= 2 ? userIdentity : undefined
}

function keyOf(pool: string, client: AssociateRq): string {
  return JSON.stringify([pool, client.calledAE, client.callingAE, hashOf(identityOf(client))])
}

/** Passcodes are not kept. */
function hashOf(identity: AssociateRq['userIdentity']): string | undefined {
  if (!identity) return undefined
  const { type, primary, secondary } = identity
  const hash = createHash('sha256').update(`${type} ${primary.length} `)
  return hash.update(primary).update(secondary).digest('base64')
}

const contextId = (index: number) => 2 * index + 1

/** The client's A-ASSOCIATE-RQ, but with these contexts, one transfer syntax each, and the balancer's implementation. */
function proposal(client: AssociateRq, pairs: readonly Pair[]): AssociateRq {
  const { asyncOperations: _declined, userIdentity: _other, ...kept } = client
  const userIdentity = identityOf(client)
  return {
    ...kept,
    ...(userIdentity && { userIdentity }),
    ...implementation,
    presentationContexts: pairs.map(([abstractSyntax, transferSyntax], index) => ({
      id: contextId(index),
      abstractSyntax,
      transferSyntaxes: [transferSyntax],
    })),
    roles: [],
    sopClassExtended: [],
    sopClassCommonExtended: [],
  }
}

/** What the client proposes and has no result yet, each pair once. */
function missing(results: Results, { presentationContexts }: AssociateRq): Pair[] {
  const unknown: Results = new Map()
  for (const { abstractSyntax, transferSyntaxes } of presentationContexts) {
    const known = results.get(abstractSyntax)
    for (const uid of transferSyntaxes) if (!known?.has(uid)) put(unknown, abstractSyntax, uid, 0)
  }
  return pairsOf(unknown)
}

function pairsOf(results: Results): Pair[] {
  return [...results].flatMap(([abstractSyntax, byTransferSyntax]) =>
    [...byTransferSyntax.keys()].map((transferSyntax): Pair => [abstractSyntax, transferSyntax]),
  )
}

function put(results: Results, abstractSyntax: string, transferSyntax: string, result = 0): void {
  const known = results.get(abstractSyntax)
  if (known) known.set(transferSyntax, result)
  else results.set(abstractSyntax, new Map([[transferSyntax, result]]))
}
