import { fileURLToPath } from 'node:url'
import { attribute, dump } from '../dicom-samples/dcmtk.ts'
import { run } from './service.ts'
import type { Site } from './site.ts'

export const sample = fileURLToPath(new URL('../../dicom-samples/ct-chest.dcm', import.meta.url))
const dumped = dump(sample)

/** The one study that archives are asked for, and its one instance. */
export const study = attribute(dumped, 'StudyInstanceUID') ?? ''
export const patient = attribute(dumped, 'PatientID') ?? ''
export const instance = attribute(dumped, 'SOPInstanceUID') ?? ''

/** Stores it in archives, without the balancer. */
export function storedIn(...names: readonly string[]) {
  return async (site: Site): Promise<void> => {
    for (const { title, port } of names.map(site.node)) {
      await run('storescu', '-aec', title, 'localhost', String(port), sample)
    }
  }
}
