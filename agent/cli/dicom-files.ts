import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { DicomError, isPart10, readPart10 } from '../dicom/index.ts'
import { type DicomFile, dicomFile, factsOfFile, headOfFile } from '../dicom-file.ts'
import { exampleMoment, momentOf } from '../routing/given.ts'
import type { AssociationFacts, DatasetFacts, RuleSet } from '../routing/index.ts'
import { counted, type Options, UsageError } from './command.ts'

const mediaStorageDirectory = '1.2.840.10008.1.3.10'

/** A file that was found, as an agent would see it. */
export interface FoundFile extends DicomFile {
  file: string
}

/** What came of the files at the paths that a user gave. */
export interface FilesRead<T> {
  results: readonly T[]
  /** those that cannot be read, and why */
  unreadable: readonly { file: string; message: string }[]
  /** how many other files the folders hold */
  others: number
}

/** Reads files, those that a DICOMDIR refers to, and those in folders and below them; one at a time. */
export function forEachFile<T>(paths: readonly string[], use: (file: FoundFile) => T): FilesRead<T> {
  if (paths.length === 0) throw new UsageError('which files? Name DICOM files, a DICOMDIR or folders')
  const results: T[] = []
  const unreadable: { file: string; message: string }[] = []
  let others = 0
  for (const { file, found } of paths.flatMap(filesAt)) {
    try {
      const read = readFile(file)
      if (read.sopClass !== mediaStorageDirectory) results.push(use(read))
    } catch (error) {
      if (found && error instanceof DicomError && error.field === 'File Preamble') others++
      else if (error instanceof Error) unreadable.push({ file, message: error.message })
    }
  }
  return { results, unreadable, others }
}

/** What a command that has used files ends with. */
export function printRest({ results, unreadable, others }: FilesRead<unknown>): void {
  for (const { file, message } of unreadable) console.error(`${file}: ${message}`)
  if (others > 0) console.error(`${counted(others, 'file')} of another kind passed over`)
  if (results.length === 0) console.error('no DICOM files there')
}

/** `found`: in a folder, where there may be files of any kind. */
function filesAt(path: string): { file: string; found: boolean }[] {
  if (statSync(path).isDirectory()) {
    const entries = readdirSync(path, { recursive: true, withFileTypes: true }).filter(entry =>
      entry.isFile(),
    )
    return entries
      .map(entry => join(entry.parentPath, entry.name))
      .sort()
      .map(file => ({ file, found: true }))
  }
  const head = headOf(path)
  const isDirectory = isPart10(head) && readPart10(head).sopClass === mediaStorageDirectory
  const files = isDirectory ? referencedFiles(path) : [path]
  return files.map(file => ({ file, found: false }))
}

function headOf(file: string): Buffer {
  const bytes = Buffer.alloc(headOfFile)
  const descriptor = openSync(file, 'r')
  try {
    return bytes.subarray(0, readSync(descriptor, bytes))
  } finally {
    closeSync(descriptor)
  }
}

function readFile(file: string): FoundFile {
  return { file, ...dicomFile(headOf(file), statSync(file).size) }
}

interface DirectoryRecord {
  /** Referenced File ID: the names of the folders on the way, and of the file */
  '00041500'?: { Value: string[] }
}

/** PS3.3 Annex F: the records of a DICOMDIR name files below its folder. */
function referencedFiles(directory: string): string[] {
  const { data } = createRequire(import.meta.url)('dcmjs')
  const bytes = Uint8Array.from(readFileSync(directory)).buffer
  const records: DirectoryRecord[] = data.DicomMessage.readFile(bytes).dict['00041220']?.Value ?? []
  return records
    .map(record => record['00041500']?.Value ?? [])
    .filter(steps => steps.length > 0)
    .map(steps => join(dirname(directory), ...steps))
}

/** What the rules get to see of a file, if `options` say who sends it. */
export function factsOf(
  file: DicomFile,
  ruleSet: RuleSet,
  { calling = '', called = '', source = '', 'tls-client-cn': tlsClientCN, time }: Options,
): { association: AssociationFacts; dataset: DatasetFacts } {
  const at = time === undefined ? Date.now() : moment(time)
  return factsOfFile(file, ruleSet, { callingAE: calling, calledAE: called, source, tlsClientCN, at })
}

function moment(text: string): number {
  const at = momentOf(text)
  if (at === undefined)
    throw new UsageError(`--time must be a moment with its offset, such as ${exampleMoment}`)
  return at
}

export const senderOptions = {
  time: { type: 'string' },
  calling: { type: 'string' },
  called: { type: 'string' },
  source: { type: 'string' },
  'tls-client-cn': { type: 'string' },
} as const

export const senderHelp = `  --calling AE    the calling AE title; none, if it is not given
  --called AE     the called AE title
  --source ADDR   the client's address
  --tls-client-cn NAME  the common name in its certificate; without TLS, if it is not given
  --time MOMENT   when it comes, such as ${exampleMoment}; now, if it is not given`
