import { setTimeout as sleep } from 'node:timers/promises'
import { type Action, type Args, type Handler, setVar, type Value } from 'haproxy-spoe'
import type { Logger } from 'pino'
import type { AuditEvent } from './audit/index.ts'
import type { Answered, AnswerListener, Step } from './decisions.ts'
import {
  type AssociateRq,
  DicomError,
  decodeAssociateAc,
  decodeAssociateRq,
  PduType,
  pduHeaderLength,
  readMessageHead,
} from './dicom/index.ts'
import { type Difference, difference } from './negotiation/index.ts'
import { aborted, type Site, type Told } from './steps/answer.ts'
import { type AssociateAnswer, associate } from './steps/associate.ts'
import { dataset } from './steps/dataset.ts'
import { instance } from './steps/instance.ts'
import { patientHash } from './steps/patient.ts'
import { shadowAssociate, shadowDataset, shadowInstance } from './steps/shadow.ts'

/**
 * The handlers of the messages in haproxy/spoe-dicom.conf: bytes in, variables (txn.dicom.*) out, and one log line,
 * which holds no patient data. The agent keeps nothing between two messages but what pools accept, so any agent can answer
 * any of them. `site` gives what holds now.
 */
export function createHandlers(
  site: () => Site,
  log: Logger,
  onAnswer: AnswerListener = () => {},
  onMismatch: MismatchListener = () => {},
  onDecision: DecisionListener = () => {},
  now = Date.now,
): Record<string, Handler> {
  const handler =
    (step: Step, answer: (args: Args, told: Told, site: Site) => Answer | Promise<Answer>): Handler =>
    ({ args }) => {
      const begin = performance.now()
      // an address of HAProxy's, or the text of one that Lua put into a variable
      const source = args.ip('src') ?? args.string('src') ?? ''
      const id = args.string('id')
      // the time of the association is that of its first question, or what holds then might not hold any more
      const at = step === 'associate' ? now() : Number(text(args, 'at'))
      // Lua has no other word for none
      const tlsClientCN = args.string('cn') || undefined
      const told = { id, source, tlsClientCN, at, live: args.string('live')?.split(' ') }
      // asked once for each message: a step never sees two rule sets
      const holds = site()
      const finish = (answered: Answer) => {
        // not answered yet: the same is asked again
        if (answered.asking !== undefined) return forHaproxy(answered)
        const line = forLog(id, step, source, answered)
        log.info(line)
        onAnswer(line, holds.ruleSet, (performance.now() - begin) / 1000, told.live)
        return forHaproxy(answered)
      }
      const answered = answer(args, told, holds)
      return answered instanceof Promise ? answered.then(finish) : finish(answered)
    }
  const associateHandler = (
    answer: (site: Site, ...of: Asked) => AssociateAnswer | Promise<AssociateAnswer>,
  ) =>
    handler('associate', (args, told, site) => {
      site.knowledge?.forgetStale(args.string('stale') ?? '')
      const body = bytes(args, 'rq')
      return orElse(malformedRequest, () => {
        const rq = decodeAssociateRq(body)
        const calling = printable(rq.callingAE)
        const called = printable(rq.calledAE)
        const named = (answered: AssociateAnswer) => {
          const answer = shadowAssociate(site, body, answered)
          if (!('asking' in answer)) onDecision({ told, rq, answer })
          return { ...answer, calling, called, asking: listed(answered) }
        }
        const answered = answer(site, rq, body, told)
        return answered instanceof Promise ? answered.then(named) : named(answered)
      })
    })
  return {
    associate: associateHandler(associateNow),
    // the same, with time to ask pools
    learn: associateHandler(associateLater),
    dataset: handler('dataset', (args, told, site) => {
      const { rq, promised } = negotiated(args)
      return orElse(malformedDataset, () => {
        const head = readMessageHead(bytes(args, 'head'))
        const decided = dataset(site, rq, promised, head, told, args.string('takes'))
        const answer = shadowDataset(site, rq, promised, decided)
        const pool = 'backend' in answer ? answer.backend : ''
        onDecision({ told, rq, answer, image: { promised, head, pool } })
        return { ...answer, patient: patientHash(site, promised, head) }
      })
    }),
    instance: handler('instance', (args, told, site) => {
      const { rq, promised } = negotiated(args)
      const binding = {
        bound: text(args, 'bound'),
        boundBy: text(args, 'bound_by'),
        mixed: text(args, 'mixed'),
      }
      const judged = orElse(malformedInstance, () => {
        const head = readMessageHead(bytes(args, 'head'))
        const answer = shadowInstance(site, instance(site.ruleSet, rq, promised, head, told, binding))
        onDecision({ told, rq, answer, image: { promised, head, pool: binding.bound } })
        return { ...answer, patient: patientHash(site, promised, head) }
      })
      return { ...judged, bound: binding.bound }
    }),
    mismatch: ({ args }) => {
      const pool = text(args, 'bound')
      const reason = text(args, 'refusal')
      const differs = orElse({}, () => differing(args))
      // what is known is not wrong where a client only uses what this pool was not offered
      if (reason !== 'context-not-offered') site().knowledge?.forget(pool)
      log.warn({ id: args.string('id'), step: 'mismatch', pool, refusal: reason, ...differs })
      onMismatch(pool, reason)
    },
  }
}

/** Told of every pool that did not take what was promised, and how HAProxy's log calls it. */
export type MismatchListener = (pool: string, reason: string) => void

/** Told of every decision together with what it is about, which may be a patient. */
export type DecisionListener = (event: AuditEvent) => void

type Asked = [rq: AssociateRq, body: Buffer, told: Told]

/** Less than HAProxy waits: `timeout processing` of dicom-learn in spoe-dicom.conf. */
const LEARN_MS = 4000

/** The first step. Pools that must be asked are, so that this agent knows next time, whichever is asked to learn. */
function associateNow(site: Site, ...asked: Asked): AssociateAnswer {
  const answer = associate(site, ...asked)
  if ('asking' in answer) void askPools(site, answer.asking, asked[0])
  return answer
}

/** The same after they have been asked. What takes too long is left out for now. */
async function associateLater(site: Site, ...asked: Asked): Promise<AssociateAnswer> {
  const answer = associate(site, ...asked)
  if (!('asking' in answer)) return answer
  const limit = new AbortController()
  const late = sleep(LEARN_MS, undefined, limit).catch(() => {})
  await Promise.race([askPools(site, answer.asking, asked[0]), late])
  limit.abort()
  return associate(site, ...asked, { asked: true })
}

async function askPools({ knowledge, ruleSet }: Site, pools: readonly string[], rq: AssociateRq) {
  await Promise.all(pools.map(pool => knowledge?.ask(pool, ruleSet.pools.get(pool) ?? {}, rq)))
}

function listed(answer: AssociateAnswer): string | undefined {
  return 'asking' in answer ? answer.asking.join(' ') : undefined
}

/** How a PACS has answered, and how it should have; nothing of an answer that is no A-ASSOCIATE-AC. */
function differing(args: Args): Partial<Difference> {
  const answer = args.bytes('answer')
  if (answer?.[0] !== PduType.associateAc) return {}
  return difference(
    decodeAssociateRq(bytes(args, 'offer').subarray(pduHeaderLength)),
    decodeAssociateAc(bytes(args, 'promise').subarray(pduHeaderLength)),
    decodeAssociateAc(answer.subarray(pduHeaderLength)),
  )
}

type Answer = { readonly [name: string]: Value | undefined }

/** What was asked for and promised before the message at hand. HAProxy gives both back as it got them. */
function negotiated(args: Args) {
  return {
    rq: decodeAssociateRq(bytes(args, 'rq')),
    promised: decodeAssociateAc(bytes(args, 'promise').subarray(pduHeaderLength)),
  }
}

const malformedRequest = { path: 'refused', ...aborted('service-user', { refusal: 'malformed-request' }) }
const malformedDataset = aborted('invalid-pdu-parameter-value', { refusal: 'malformed-dataset' })
const malformedInstance = { verdict: 'refuse', refusal: 'malformed-dataset' }

/** Bytes that are not DICOM are the client's doing, and refused; any other error is ours, and thrown. */
function orElse<T>(refused: Answer, answer: () => T): T | Answer {
  try {
    return answer()
  } catch (error) {
    if (!(error instanceof DicomError)) throw error
    return { ...refused, detail: `${error.field}: ${error.code} at offset ${error.offset}` }
  }
}

/** The variables that haproxy.cfg and dicom.lua know. */
const variables = [
  'path',
  'calling',
  'called',
  'rule',
  'backend',
  'key',
  'mixed',
  'attributes',
  'offer',
  'promise',
  'takes',
  'at',
  'asking',
  'verdict',
  'refusal',
  'answer',
]

function forHaproxy(answer: Answer): Action[] {
  const actions: Action[] = []
  for (const name of variables) {
    const value = answer[name]
    if (value !== undefined) actions.push(setVar('txn', name, value))
  }
  return actions
}

/**
 * What the log tells of an answer: not its PDUs, and not the key that hides a patient. Spelled out, so that nothing is told that is
 * not meant to be; and V8 is slow to copy objects field by field.
 */
function forLog(id: string | undefined, step: Step, source: string, answer: Answer): Answered {
  const told = answer as Partial<Answered>
  return {
    id,
    step,
    source,
    calling: told.calling,
    called: told.called,
    path: told.path,
    waitsFor: told.waitsFor,
    rule: told.rule,
    backend: told.backend,
    bound: told.bound,
    pool: told.pool,
    verdict: told.verdict,
    mixed: told.mixed,
    refusal: told.refusal,
    detail: told.detail,
    shadowRule: told.shadowRule,
    shadowPool: told.shadowPool,
    shadowRefusal: told.shadowRefusal,
    headBytes: told.headBytes,
    patient: told.patient,
  } as Answered
}

const bytes = (args: Args, name: string) => required(args.bytes(name), name)
const text = (args: Args, name: string) => required(args.string(name), name)

function required<T>(value: T | undefined, name: string): T {
  if (value === undefined)
    throw new TypeError(`no ${name} in the message: is spoe-dicom.conf of this version?`)
  return value
}

/** AE titles are the client's bytes: nothing in them may forge a line of a log. */
function printable(title: string): string {
  return title.replace(/[^\x20-\x7e]|"/g, '?')
}
