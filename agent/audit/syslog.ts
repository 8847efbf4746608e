// Syslog messages with audit messages in them: RFC 5424 §6, as PS3.15 §A.6 wants it.
//
//   "<" PRI ">1 " TIMESTAMP " " HOSTNAME " " APP-NAME " " PROCID " " MSGID " " STRUCTURED-DATA " " BOM MSG

import type { Reporter } from './message.ts'

/** Facility 10, security and authorization. */
const facility = 10

/** Severities that PS3.15 allows. */
export const Severity = { warning: 4, notice: 5 } as const
export type Severity = (typeof Severity)[keyof typeof Severity]

export function syslogMessage({ host, pid }: Reporter, at: Date, severity: Severity, xml: string): Buffer {
  const header = `<${facility * 8 + severity}>1 ${at.toISOString()} ${host} dicom-load-balancer ${pid} DICOM+RFC3881 -`
  return Buffer.from(`${header} \ufeff${xml}`)
}

/** A way to a syslog server. What it is given is sent when that is possible, and nobody waits for it. */
export interface Delivery {
  send(message: Buffer): void
  /** Sends what waits, if the server takes it within `graceMs`, and ends. */
  close(graceMs: number): Promise<void>
}

export interface DeliveryOptions {
  /** told of each message what became of it; `dropped` where too many wait, or it cannot be sent */
  onDelivery: (outcome: 'sent' | 'dropped') => void
  /** told once that the server cannot be reached, and once that it can again */
  onProblem: (problem: Error | undefined) => void
  /** how many messages may wait */
  limit?: number
}

/** Some 10 MB at most. */
export const QUEUE_LIMIT = 10_000
