import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** DCMTK's view of the samples, independent of dcmjs and of our own code. */

const decoders: Record<string, string> = {
  '1.2.840.10008.1.2.5': 'dcmdrle',
  '1.2.840.10008.1.2.4.50': 'dcmdjpeg',
  '1.2.840.10008.1.2.4.70': 'dcmdjpeg',
  '1.2.840.10008.1.2.4.80': 'dcmdjpls',
}

function withFolder<T>(use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'dicom-samples-test-'))
  try {
    return use(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** `dcmdump`, text in UTF-8. */
export function dump(path: string): string {
  // DCMTK on glibc's iconv cannot convert ISO 2022 IR 87: the text decoder of Node.js can.
  if (characterSetOf(path) === '\\ISO 2022 IR 87') {
    return new TextDecoder('iso-2022-jp').decode(run('dcmdump', '-Un', path))
  }
  return run('dcmdump', '-Un', '+U8', path).toString()
}

/** Specific Character Set as it stands in the file, which `dump` converts; undefined when it is absent. */
export function characterSetOf(path: string): string | undefined {
  return attribute(run('dcmdump', path).toString('latin1'), 'SpecificCharacterSet')
}

/** Value of a top-level attribute in a dump: undefined when it is absent, '' when it is empty. */
export function attribute(dumped: string, keyword: string): string | undefined {
  const line = dumped.split('\n').find(line => line.startsWith('(') && line.endsWith(` ${keyword}`))
  if (line === undefined || line.includes('(no value available)')) return line && ''
  return /\[(.*)\]/.exec(line)?.[1] ?? line.split(' ')[2]
}

/** The dataset in Explicit VR Little Endian, sequences of defined length, pixels native, no meta information. */
export function decoded(path: string): Buffer {
  return withFolder(folder => readFileSync(decode(path, folder, '--write-dataset')))
}

/** Native pixel data as little endian bytes, frame by frame. */
export function pixels(path: string): Buffer {
  return withFolder(folder => {
    run('dcmdump', '+W', folder, decode(path, folder))
    const frames = readdirSync(folder).filter(name => name.endsWith('.raw'))
    return Buffer.concat(frames.map(name => readFileSync(join(folder, name))))
  })
}

export function isDicomFile(path: string): boolean {
  return run('dcmftest', path).toString().startsWith('yes:')
}

function decode(path: string, folder: string, ...options: string[]): string {
  const syntax = attribute(dump(path), 'TransferSyntaxUID') ?? ''
  const target = join(folder, 'decoded.dcm')
  run(decoders[syntax] ?? 'dcmconv', '--write-xfer-little', ...options, path, target)
  return target
}

function run(program: string, ...options: string[]): Buffer {
  return execFileSync(program, options, { maxBuffer: 2 ** 26 })
}
