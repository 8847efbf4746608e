import { hostname } from 'node:os'
import { createSecureContext } from 'node:tls'
import type { Logger } from 'pino'
import {
  type AssociateAc,
  type AssociateRq,
  type MessageHead,
  parseTagPath,
  rejectReasons,
} from '../dicom/index.ts'
import type { Told } from '../steps/answer.ts'
import { lookUp } from '../steps/judge.ts'
import { applicationActivity, beginTransferring, nodeAuthenticationAlert, type Transfer } from './message.ts'
import { type Delivery, type DeliveryOptions, Severity, syslogMessage } from './syslog.ts'
import { TlsDelivery } from './tls.ts'
import { UdpDelivery } from './udp.ts'

export interface AuditOptions extends Pick<DeliveryOptions, 'onDelivery'> {
  server: SyslogServer
  /** PEM: who signs the server's certificate; without it, Node.js' own list */
  ca?: Buffer | undefined
  /** PEM: certificate and key of this agent, for servers that want one */
  cert?: Buffer | undefined
  /** whether images that go to a pool are told of, with their patients */
  transfers: boolean
  log: Logger
}

export interface SyslogServer {
  transport: 'tls' | 'udp'
  host: string
  port: number
}

/** What HAProxy asked and what was decided. */
export interface AuditEvent {
  told: Told
  rq: AssociateRq
  answer: Readonly<Record<string, unknown>>
  /** of a dataset: the message at hand, and where it goes if it is not refused */
  image?: { promised: AssociateAc; head: MessageHead; pool: string }
}

/** What an agent tells an audit repository, PS3.15 §A.5. No call but the last waits for anything. */
export interface Audit {
  started(): void
  decided(event: AuditEvent): void
  /** resolves when it has been told, or does not listen */
  stopped(): Promise<void>
}

/** How long an agent that stops waits for the repository. */
const CLOSE_MS = 2000

export function createAudit({ transfers, log, ...options }: AuditOptions): Audit {
  const reporter = { host: hostname(), pid: process.pid }
  const delivery = deliveryTo(options, log)
  const tell = (severity: Severity, xml: (at: Date) => string) => {
    const at = new Date()
    delivery.send(syslogMessage(reporter, at, severity, xml(at)))
  }
  const decided = (event: AuditEvent) => {
    const { told, rq, answer } = event
    const peer = { address: told.source, aeTitle: rq.callingAE, commonName: told.tlsClientCN }
    if (isRefusedByRules(answer)) {
      tell(Severity.warning, at => nodeAuthenticationAlert(reporter, at, peer, described(event)))
    }
    if (!transfers || answer.refusal !== undefined) return
    const transfer = transferOf(event)
    if (transfer) tell(Severity.notice, at => beginTransferring(reporter, at, { from: peer, ...transfer }))
  }
  return {
    started: () => tell(Severity.notice, at => applicationActivity(reporter, at, 'start')),
    decided(event) {
      try {
        decided(event)
      } catch (error) {
        // a defect here is no reason to answer otherwise
        log.error({ id: event.told.id, err: error }, 'audit: a message could not be made')
        options.onDelivery('dropped')
      }
    },
    stopped() {
      tell(Severity.notice, at => applicationActivity(reporter, at, 'stop'))
      return delivery.close(CLOSE_MS)
    },
  }
}

function deliveryTo(
  { server: { transport, host, port }, ca, cert, onDelivery }: Omit<AuditOptions, 'transfers' | 'log'>,
  log: Logger,
): Delivery {
  const where = { server: `${transport}://${host}:${port}` }
  const onProblem = (problem: Error | undefined) => {
    if (problem) log.warn({ ...where, err: problem }, 'audit: messages cannot be delivered')
    else log.info(where, 'audit: messages are delivered again')
  }
  const told = { onDelivery, onProblem }
  if (transport === 'udp') return new UdpDelivery({ host, port }, told)
  try {
    const secureContext = createSecureContext({ ca, cert, key: cert, minVersion: 'TLSv1.2' })
    return new TlsDelivery({ host, port, secureContext }, told)
  } catch (error) {
    const why = error instanceof Error ? error.message : error
    throw new Error(`AUDIT_CA, AUDIT_CERT: they must be PEM files, the second with its key: ${why}`)
  }
}

/** A rule rejects, or none lets it in. What else is refused is a fault, or for want of a PACS. */
function isRefusedByRules({ rule, refusal }: AuditEvent['answer']): boolean {
  return refusal === 'no-rule' || (rule !== undefined && Object.hasOwn(rejectReasons, String(refusal)))
}

function described({ told, answer: { rule, refusal } }: AuditEvent): string {
  const by = rule === undefined ? 'no rule lets it in' : `rule "${rule}"`
  return `association ${told.id}: refused (${refusal}), ${by}`
}

const C_STORE_RQ = 0x0001
const wanted = ['PatientID', 'PatientName', 'StudyInstanceUID'].map(parseTagPath)

/** Undefined where nothing is stored. What the head of the dataset does not hold is empty. */
function transferOf({ image }: AuditEvent): Omit<Transfer, 'from'> | undefined {
  if (image?.head.command.commandField !== C_STORE_RQ) return undefined
  const { promised, head, pool } = image
  const lookups = lookUp(promised, head, wanted)
  if (!lookups) return undefined
  const [patientId = '', patientName = '', studyUid = ''] = lookups.map(found =>
    found.state === 'present' ? found.values.join('\\') : '',
  )
  return { pool, studyUid, sopClassUid: head.command.affectedSopClassUid, patientId, patientName }
}
