// Audit messages: the XML of PS3.15 §A.5.1.1, filled in as §A.5.2 and the tables of §A.5.3 say.
//
//   AuditMessage
//     EventIdentification              EventActionCode, EventDateTime, EventOutcomeIndicator
//       EventID, EventTypeCode ?       coded
//     ActiveParticipant +              UserID, AlternativeUserID ?, UserName ?, UserIsRequestor, NetworkAccessPointID ?
//       RoleIDCode ?                   coded
//     AuditSourceIdentification        AuditSourceID
//     ParticipantObjectIdentification *
//       ParticipantObjectIDTypeCode    coded
//       ParticipantObjectName
//       ParticipantObjectDetail ?      type, value in base64

/** The process that reports, and is its own subject when it starts and stops. */
export interface Reporter {
  host: string
  pid: number
}

/** Who is at the other end of an association. */
export interface Peer {
  address: string
  /** the calling AE title */
  aeTitle: string
  /** the common name of its certificate */
  commonName?: string | undefined
}

/** Images that begin to go to a pool. */
export interface Transfer {
  from: Peer
  pool: string
  studyUid: string
  sopClassUid: string
  patientId: string
  patientName: string
}

/** §A.5.3.1 */
export function applicationActivity(reporter: Reporter, at: Date, type: 'start' | 'stop'): string {
  const code = type === 'start' ? codes.applicationStart : codes.applicationStop
  return message(reporter, event(codes.applicationActivity, at, success, code), [
    participant({ ...processOf(reporter), role: codes.application }),
  ])
}

/** §A.5.3.11; `why` is for people. A minor failure says that the refusal kept the system secure. */
export function nodeAuthenticationAlert(reporter: Reporter, at: Date, peer: Peer, why: string): string {
  const subject = object(
    { ParticipantObjectID: peer.address, ParticipantObjectTypeCode: systemObject },
    codes.nodeId,
    peer.aeTitle,
    detail('Alert Description', why),
  )
  const participants = [participant(processOf(reporter)), participant(node(peer))]
  return message(
    reporter,
    event(codes.securityAlert, at, minorFailure, codes.nodeAuthentication),
    participants,
    [subject],
  )
}

/** §A.5.3.3 */
export function beginTransferring(reporter: Reporter, at: Date, transfer: Transfer): string {
  const { from, pool, studyUid, sopClassUid, patientId, patientName } = transfer
  const study = object(
    {
      ParticipantObjectID: studyUid,
      ParticipantObjectTypeCode: systemObject,
      ParticipantObjectTypeCodeRole: '3',
    },
    codes.studyInstanceUid,
    '',
    detail('ContainsSOPClass', sopClassUid),
  )
  const patient = object(
    { ParticipantObjectID: patientId, ParticipantObjectTypeCode: '1', ParticipantObjectTypeCodeRole: '1' },
    codes.patientNumber,
    patientName,
  )
  const participants = [
    participant({ ...node(from), isRequestor: true, role: codes.source }),
    participant({ id: pool, role: codes.destination }),
    participant(processOf(reporter)),
  ]
  return message(reporter, event(codes.beginTransferring, at, success), participants, [study, patient])
}

type Code = readonly [code: string, meaning: string, system?: string]

const codes = {
  applicationActivity: ['110100', 'Application Activity'],
  applicationStart: ['110120', 'Application Start'],
  applicationStop: ['110121', 'Application Stop'],
  application: ['110150', 'Application'],
  beginTransferring: ['110102', 'Begin Transferring DICOM Instances'],
  source: ['110153', 'Source Role ID'],
  destination: ['110152', 'Destination Role ID'],
  securityAlert: ['110113', 'Security Alert'],
  nodeAuthentication: ['110126', 'Node Authentication'],
  nodeId: ['110182', 'Node ID'],
  studyInstanceUid: ['110180', 'Study Instance UID'],
  patientNumber: ['2', 'Patient Number', 'RFC-3881'],
} satisfies Record<string, Code>

/** EventOutcomeIndicator */
const success = '0'
const minorFailure = '4'
/** ParticipantObjectTypeCode */
const systemObject = '2'
/** AuditSourceTypeCode: application server process */
const applicationServer = '4'
/** NetworkAccessPointTypeCode */
const accessPoint = { machineName: '1', ipAddress: '2' }

function message(
  { host }: Reporter,
  event: string,
  participants: readonly string[],
  objects: readonly string[] = [],
): string {
  const type = element('AuditSourceTypeCode', { 'csd-code': applicationServer })
  const source = element('AuditSourceIdentification', { AuditSourceID: `dicom-load-balancer@${host}` }, [
    type,
  ])
  const all = element('AuditMessage', {}, [event, ...participants, source, ...objects])
  return `<?xml version="1.0" encoding="UTF-8"?>${all}`
}

/** Of all that is told here, the action is E, execute. */
function event(id: Code, at: Date, outcome: string, type?: Code): string {
  const attributes = {
    EventActionCode: 'E',
    EventDateTime: at.toISOString(),
    EventOutcomeIndicator: outcome,
  }
  return element('EventIdentification', attributes, [
    coded('EventID', id),
    ...(type ? [coded('EventTypeCode', type)] : []),
  ])
}

interface Participant {
  id: string
  aeTitle?: string
  name?: string | undefined
  isRequestor?: boolean
  role?: Code
  accessPoint?: readonly [id: string, type: string]
}

function participant({ id, aeTitle, name, isRequestor = false, role, accessPoint }: Participant): string {
  const attributes = {
    UserID: id,
    AlternativeUserID: aeTitle && `AETITLES=${aeTitle}`,
    UserName: name,
    UserIsRequestor: String(isRequestor),
    NetworkAccessPointID: accessPoint?.[0],
    NetworkAccessPointTypeCode: accessPoint?.[1],
  }
  return element('ActiveParticipant', attributes, role ? [coded('RoleIDCode', role)] : [])
}

function processOf({ pid, host }: Reporter): Participant {
  return { id: String(pid), accessPoint: [host, accessPoint.machineName] }
}

function node({ address, aeTitle, commonName }: Peer): Participant {
  return { id: address, aeTitle, name: commonName, accessPoint: [address, accessPoint.ipAddress] }
}

function object(attributes: Attributes, idType: Code, name: string, ...details: readonly string[]): string {
  return element('ParticipantObjectIdentification', attributes, [
    coded('ParticipantObjectIDTypeCode', idType),
    `<ParticipantObjectName>${escaped(name)}</ParticipantObjectName>`,
    ...details,
  ])
}

function detail(type: string, value: string): string {
  return element('ParticipantObjectDetail', { type, value: Buffer.from(value).toString('base64') })
}

function coded(name: string, [code, meaning, system = 'DCM']: Code): string {
  return element(name, { 'csd-code': code, codeSystemName: system, originalText: meaning })
}

type Attributes = Readonly<Record<string, string | undefined>>

function element(name: string, attributes: Attributes, children: readonly string[] = []): string {
  const written = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : ` ${key}="${escaped(value)}"`,
  )
  const start = `<${name}${written.join('')}`
  return children.length === 0 ? `${start}/>` : `${start}>${children.join('')}</${name}>`
}

/** Clients choose AE titles and the values of datasets: what XML 1.0 has no place for, and line feeds, become "?". */
function escaped(text: string): string {
  return text
    .replace(/[^\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '?')
    .replace(/[&<>"]/g, character => `&#${character.charCodeAt(0)};`)
}
