import { type AssociateAc, type MessageHead, parseTagPath, usualModalities } from '../dicom/index.ts'
import { lookUp } from './judge.ts'

const modality = [parseTagPath('Modality')]

/** The Modality of a dataset as metrics name it: `other` for what is no usual one, `unknown` where its head holds none. */
export function countedModality(promised: AssociateAc, head: MessageHead): string {
  const [found] = lookUp(promised, head, modality) ?? []
  const [term] = found?.state === 'present' ? found.values : []
  if (term === undefined) return 'unknown'
  return usualModalities.has(term) ? term : 'other'
}
