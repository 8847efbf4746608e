import { createHmac } from 'node:crypto'
import { type AssociateAc, type MessageHead, parseTagPath, readDatasetHead } from '../dicom/index.ts'
import type { Site } from './answer.ts'
import { contextOf } from './judge.ts'

const patientId = [parseTagPath('PatientID')]

/**
 * What the log calls a patient: a keyed hash of the PatientID. The key is not that of `stick`, of which HAProxy sees the
 * hashes. Undefined without a key, and where the head holds no PatientID.
 */
export function patientHash(
  { patientSecret }: Site,
  promised: AssociateAc,
  head: MessageHead,
): string | undefined {
  const context = patientSecret === undefined ? undefined : contextOf(promised, head)
  if (patientSecret === undefined || !context) return undefined
  const [found] = readDatasetHead(head.dataset, context.transferSyntax, patientId, head.complete).lookups
  const [id] = found?.state === 'present' ? found.values : []
  return id === undefined ? undefined : createHmac('sha256', patientSecret).update(id).digest('hex')
}
