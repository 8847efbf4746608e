import { type Action, type Args, type Handler, setVar, type Value } from 'haproxy-spoe'
import type { Logger } from 'pino'
import type { Answered, AnswerListener, Step } from './decisions.ts'
import {
  DicomError,
  decodeAssociateAc,
  decodeAssociateRq,
  pduHeaderLength,
  readMessageHead,
} from './dicom/index.ts'
import { watchSources } from './sources.ts'
import { aborted, type Site, type Told } from './steps/answer.ts'
import { associate } from './steps/associate.ts'
import { dataset } from './steps/dataset.ts'
import { instance } from './steps/instance.ts'
import { patientHash } from './steps/patient.ts'
import { shadowAssociate, shadowDataset, shadowInstance } from './steps/shadow.ts'

/**
 * The handlers of the messages in haproxy/spoe-dicom.conf: bytes in, variables (txn.dicom.*) out, and one log line,
 * which holds no patient data. The agent keeps nothing between two messages, so any agent can answer any of them. `site`
 * gives what holds now.
 */
export function createHandlers(
  site: () => Site,
  log: Logger,
  onAnswer: AnswerListener = () => {},
  now = Date.now,
): Record<string, Handler> {
  const watchSource = watchSources(log)
  const handler =
    (step: Step, answer: (args: Args, told: Told, site: Site) => Answer): Handler =>
    ({ args }) => {
      const begin = performance.now()
      // an address of HAProxy's, or the text of one that Lua put into a variable
      const source = args.ip('src') ?? args.string('src') ?? ''
      const id = args.string('id')
      if (step === 'associate') watchSource(source)
      // the time of the association is that of its first question, or what holds then might not hold any more
      const at = step === 'associate' ? now() : Number(text(args, 'at'))
      // Lua has no other word for none
      const tlsClientCN = args.string('cn') || undefined
      const told = { id, source, tlsClientCN, at, live: args.string('live')?.split(' ') }
      // asked once for each message: a step never sees two rule sets
      const holds = site()
      const answered = answer(args, told, holds)
      const line = { id, step, source, ...forLog(answered) } as Answered
      log.info(line)
      onAnswer(line, holds.ruleSet, (performance.now() - begin) / 1000)
      return forHaproxy(answered)
    }
  return {
    associate: handler('associate', (args, told, site) => {
      const body = bytes(args, 'rq')
      return orElse({ path: 'refused', ...aborted('service-user', { refusal: 'malformed-request' }) }, () => {
        const rq = decodeAssociateRq(body)
        const names = { calling: printable(rq.callingAE), called: printable(rq.calledAE) }
        return { ...names, ...shadowAssociate(site, rq, body, associate(site, rq, body, told)) }
      })
    }),
    dataset: handler('dataset', (args, told, site) => {
      const { rq, promised } = negotiated(args)
      return orElse(aborted('invalid-pdu-parameter-value', { refusal: 'malformed-dataset' }), () => {
        const head = readMessageHead(bytes(args, 'head'))
        const answer = shadowDataset(site, rq, promised, dataset(site, rq, promised, head, told))
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
      const judged = orElse({ verdict: 'refuse', refusal: 'malformed-dataset' }, () => {
        const head = readMessageHead(bytes(args, 'head'))
        const answer = shadowInstance(site, instance(site.ruleSet, rq, promised, head, told, binding))
        return { ...answer, patient: patientHash(site, promised, head) }
      })
      return { bound: binding.bound, ...judged }
    }),
  }
}

type Answer = { readonly [name: string]: Value | undefined }

/** What was asked for and promised before the message at hand. HAProxy gives both back as it got them. */
function negotiated(args: Args) {
  return {
    rq: decodeAssociateRq(bytes(args, 'rq')),
    promised: decodeAssociateAc(bytes(args, 'promise').subarray(pduHeaderLength)),
  }
}

/** Bytes that are not DICOM are the client's doing, and refused; any other error is ours, and thrown. */
function orElse(refused: Answer, answer: () => Answer): Answer {
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
  'at',
  'verdict',
  'refusal',
  'answer',
]

function forHaproxy(answer: Answer): Action[] {
  return variables.flatMap(name => {
    const value = answer[name]
    return value === undefined ? [] : setVar('txn', name, value)
  })
}

/** What the log tells of an answer: not its PDUs, and not the key that hides a patient. */
function forLog({
  key: _key,
  attributes: _attributes,
  offer: _offer,
  promise: _promise,
  at: _at,
  answer: _answer,
  ...told
}: Answer): Answer {
  return told
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
