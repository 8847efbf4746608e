import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

/** A folder that is gone after the tests of the file. */
export function workspace(): string {
  const folder = mkdtempSync(join(tmpdir(), 'dicom-test-'))
  after(() => rmSync(folder, { recursive: true }))
  return folder
}

export function run(program: string, ...options: string[]): string {
  return execFileSync(program, options, {
    encoding: 'latin1',
    maxBuffer: 1 << 26,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** A Part 10 file made of a dump by DCMTK. */
export function dump2dcm(folder: string, name: string, dump: string, ...options: string[]): string {
  const source = join(folder, `${name}.dump`)
  const target = join(folder, `${name}.dcm`)
  writeFileSync(source, dump, 'latin1')
  run('dump2dcm', ...options, source, target)
  return target
}

/** The dataset of a Part 10 file and its transfer syntax: what would cross the network. */
export function datasetOf(file: string): { dataset: Buffer; transferSyntax: string } {
  const bytes = readFileSync(file)
  // PS3.10 §7.1: 128 bytes, 'DICM', then group 0002 in Explicit VR LE, its length first.
  const end = 144 + bytes.readUInt32LE(140)
  const meta = bytes.subarray(144, end)
  const at = meta.indexOf(Buffer.from([0x02, 0x00, 0x10, 0x00, 0x55, 0x49]))
  const uid = meta.toString('latin1', at + 8, at + 8 + meta.readUInt16LE(at + 6))
  return { dataset: bytes.subarray(end), transferSyntax: uid.replaceAll('\0', '') }
}
