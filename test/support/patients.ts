import { globSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { dump } from '../dicom-samples/dcmtk.ts'

/** What tells who a patient is, or leads to it: names, numbers, date of birth, and the UIDs of images. */
const telling = [
  '0010,0010', // Patient's Name
  '0010,0020', // Patient ID
  '0010,0030', // Patient's Birth Date
  '0010,1000', // Other Patient IDs
  '0008,0050', // Accession Number
  '0008,0018', // SOP Instance UID
  '0020,000d', // Study Instance UID
  '0020,000e', // Series Instance UID
]

/** Shorter ones are in every text. */
const MIN_LENGTH = 2

const ofMessages = new Set<string>()

/** A test sends a dataset of these elements: texts by tag. */
export function rememberPatient(elements: Readonly<Record<string, unknown>>): void {
  for (const [tag, value] of Object.entries(elements)) {
    const isTelling = telling.includes(`${tag.slice(0, 4)},${tag.slice(4)}`)
    if (isTelling && typeof value === 'string') add(ofMessages, value)
  }
}

let samples: Set<string> | undefined

/** The values of all samples, as DCMTK reads them. */
export function patientsOfSamples(): ReadonlySet<string> {
  if (samples) return samples
  samples = new Set()
  for (const file of globSync(fileURLToPath(new URL('../../dicom-samples/*.dcm', import.meta.url)))) {
    for (const [, tag = '', value = ''] of dump(file).matchAll(/^ *\((\w{4},\w{4})\) \w\w \[(.*)\] +#/gm)) {
      if (telling.includes(tag)) add(samples, value)
    }
  }
  return samples
}

/** The first line that tells of a patient of the samples, or of one that a test has sent. */
export function lineOfPatient(log: string): string | undefined {
  const values = [...patientsOfSamples(), ...ofMessages].map(text =>
    text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'),
  )
  // whole words and numbers: P-1 is not in TMP-1, nor 1.2 in 127.0.1.2
  const pattern = new RegExp(`(?<!\\w|\\w[.-])(?:${values.join('|')})(?!\\w|[.-]\\w)`)
  return log.split('\n').find(line => pattern.test(line))
}

/** Throws where a log tells of a patient; `logs` are by name. */
export function refusePatients(logs: Readonly<Record<string, string>>): void {
  for (const [name, log] of Object.entries(logs)) {
    const line = lineOfPatient(log)
    if (line !== undefined) throw new Error(`the log of ${name} tells of a patient: ${line}`)
  }
}

/** A value, and each part of a name. */
function add(values: Set<string>, text: string): void {
  for (const part of [text, ...text.split(/[\^=\\]/)]) {
    const trimmed = part.replace(/[\0 ]+$/, '')
    if (trimmed.length >= MIN_LENGTH) values.add(trimmed)
  }
}
