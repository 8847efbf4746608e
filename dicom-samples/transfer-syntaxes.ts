import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TransferSyntax {
  uid: string
  name: string
  /** DCMTK command that compresses pixel data into this syntax. */
  encoder?: readonly string[]
  lossy?: true
}

export const transferSyntaxes = {
  implicit: { uid: '1.2.840.10008.1.2', name: 'Implicit VR Little Endian' },
  explicit: { uid: '1.2.840.10008.1.2.1', name: 'Explicit VR Little Endian' },
  bigEndian: { uid: '1.2.840.10008.1.2.2', name: 'Explicit VR Big Endian (retired)' },
  deflated: { uid: '1.2.840.10008.1.2.1.99', name: 'Deflated Explicit VR Little Endian' },
  rle: { uid: '1.2.840.10008.1.2.5', name: 'RLE Lossless', encoder: ['dcmcrle'] },
  // Without --uid-never a lossy encoder invents a new SOP Instance UID, which is of no use here.
  jpegBaseline: {
    uid: '1.2.840.10008.1.2.4.50',
    name: 'JPEG Baseline',
    encoder: ['dcmcjpeg', '--encode-baseline', '--uid-never'],
    lossy: true,
  },
  jpegLossless: {
    uid: '1.2.840.10008.1.2.4.70',
    name: 'JPEG Lossless SV1',
    encoder: ['dcmcjpeg', '--encode-lossless-sv1'],
  },
  jpegLs: {
    uid: '1.2.840.10008.1.2.4.80',
    name: 'JPEG-LS Lossless',
    encoder: ['dcmcjpls', '--encode-lossless'],
  },
} satisfies Record<string, TransferSyntax>

export type TransferSyntaxName = keyof typeof transferSyntaxes

/** Runs a DCMTK command that reads one file and writes another. */
export function transcode(command: readonly string[], input: Uint8Array): Buffer {
  const [program = '', ...options] = command
  const folder = mkdtempSync(join(tmpdir(), 'dicom-samples-'))
  try {
    const [source, target] = [join(folder, 'in.dcm'), join(folder, 'out.dcm')]
    writeFileSync(source, input)
    execFileSync(program, [...options, source, target], { stdio: ['ignore', 'ignore', 'inherit'] })
    return readFileSync(target)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
