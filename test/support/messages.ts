import {
  type AssociateRq,
  encodeAssociateRq,
  encodeCommandSet,
  encodePData,
  encodeReleaseRq,
  type PresentationContextRq,
} from '../../agent/dicom/index.ts'
import { rememberPatient } from './patients.ts'

export const IMPLICIT = '1.2.840.10008.1.2'
export const EXPLICIT = '1.2.840.10008.1.2.1'
export const CT_IMAGE = '1.2.840.10008.5.1.4.1.1.2'
export const MR_IMAGE = '1.2.840.10008.5.1.4.1.1.4'
export const VERIFICATION = '1.2.840.10008.1.1'

/** Contexts 1, 3, 5, … with these abstract syntaxes. */
export function contexts(
  abstractSyntaxes: readonly string[],
  transferSyntaxes = [IMPLICIT],
): PresentationContextRq[] {
  return abstractSyntaxes.map((abstractSyntax, index) => ({
    id: 2 * index + 1,
    abstractSyntax,
    transferSyntaxes,
  }))
}

/** An A-ASSOCIATE-RQ that proposes CT Image Storage, but for what `rq` says. */
export function associateRq(rq: Partial<AssociateRq> = {}): Buffer {
  return encodeAssociateRq({
    protocolVersion: 1,
    calledAE: 'ANY-SCP',
    callingAE: 'TEST-SCU',
    applicationContext: '1.2.840.10008.3.1.1.1',
    presentationContexts: contexts([CT_IMAGE]),
    maxPduLength: 16384,
    implementationClassUid: '1.2.3.4',
    implementationVersionName: 'TEST',
    roles: [],
    sopClassExtended: [],
    sopClassCommonExtended: [],
    ...rq,
  })
}

/** A dataset in Implicit VR Little Endian: values by tag, in ascending order, padded to even length. */
export function implicitDataset(elements: Readonly<Record<string, string | Buffer>>): Buffer {
  rememberPatient(elements)
  return Buffer.concat(
    Object.entries(elements)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([tag, value]) => {
        const bytes = Buffer.from(value)
        const header = Buffer.alloc(8)
        header.writeUInt16LE(Number.parseInt(tag.slice(0, 4), 16), 0)
        header.writeUInt16LE(Number.parseInt(tag.slice(4), 16), 2)
        header.writeUInt32LE(bytes.length + (bytes.length % 2), 4)
        return Buffer.concat([header, bytes, Buffer.alloc(bytes.length % 2, ' ')])
      }),
  )
}

/** The head of an image: Modality, PatientID and, where there is one, its study, and `size` bytes of pixel data. */
export function image({ modality = 'CT', patientId = 'P-1', study = '', size = 1000 } = {}): Buffer {
  return implicitDataset({
    '00080060': modality,
    '00100020': patientId,
    ...(study === '' ? {} : { '0020000d': uid(study) }),
    '7fe00010': Buffer.alloc(size - (size % 2), 7),
  })
}

function uid(value: string): string {
  return value.length % 2 === 0 ? value : `${value}\0`
}

export interface StoreOptions {
  commandField?: number
  contextId?: number
  messageId?: number
  sopClass?: string
  sopInstance?: string
  /** bytes of data in each PDV; one PDV in each PDU */
  fragment?: number
  /** false where more of the dataset follows */
  last?: boolean
}

/** A C-STORE-RQ (0001H, but for `commandField`) and its dataset, as P-DATA-TF PDUs. */
export function storeRq(dataset: Buffer, options: StoreOptions = {}): Buffer {
  const {
    commandField = 0x0001,
    contextId = 1,
    messageId = 1,
    sopClass = CT_IMAGE,
    sopInstance = '1.2.3',
  } = options
  rememberPatient({ '00080018': sopInstance })
  const command = encodeCommandSet({
    AffectedSOPClassUID: sopClass,
    CommandField: commandField,
    MessageID: messageId,
    Priority: 0,
    CommandDataSetType: 0,
    AffectedSOPInstanceUID: sopInstance,
  })
  const commandPdu = encodePData([{ contextId, command: true, last: true, data: command }])
  return Buffer.concat([commandPdu, datasetPdus(dataset, options)])
}

export function datasetPdus(
  dataset: Buffer,
  { contextId = 1, fragment = 16000, last = true }: StoreOptions = {},
): Buffer {
  const pdus: Buffer[] = []
  for (let at = 0; at < dataset.length; at += fragment) {
    const data = dataset.subarray(at, at + fragment)
    pdus.push(
      encodePData([{ contextId, command: false, last: last && at + fragment >= dataset.length, data }]),
    )
  }
  return Buffer.concat(pdus)
}

/** A command without a dataset, in one PDU: C-ECHO-RQ is 0030H. */
export function commandOnly(
  commandField: number,
  { contextId = 1, messageId = 1, sopClass = VERIFICATION } = {},
): Buffer {
  const data = encodeCommandSet({
    AffectedSOPClassUID: sopClass,
    CommandField: commandField,
    MessageID: messageId,
    CommandDataSetType: 0x0101,
  })
  return encodePData([{ contextId, command: true, last: true, data }])
}

export const releaseRq = encodeReleaseRq()
