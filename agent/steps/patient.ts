import { createHmac } from 'node:crypto'
import { type AssociateAc, type MessageHead, parseTagPath } from '../dicom/index.ts'
import type { Site } from './answer.ts'
import { lookUp } from './judge.ts'

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
  if (patientSecret === undefined) return undefined
  const [found] = lookUp(promised, head, patientId) ?? []
  const [id] = found?.state === 'present' ? found.values : []
  return id === undefined ? undefined : createHmac('sha256', patientSecret).update(id).digest('hex')
}
