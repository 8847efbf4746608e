import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const sample = (name: string) => fileURLToPath(new URL(`../../dicom-samples/${name}.dcm`, import.meta.url))

/** What makes an image of another one, of the samples' transfer syntaxes left out. */
const encoders: Readonly<Record<string, [string, ...string[]]>> = {
  'JPEG Extended (Process 2 and 4)': ['dcmcjpeg', '+ee'],
  'JPEG-LS Lossy (Near-Lossless)': ['dcmcjpls', '+en'],
  'JPEG 2000 (Lossless Only)': ['gdcmconv', '--j2k'],
  'JPEG 2000': ['gdcmconv', '--j2k', '--lossy', '-q', '30'],
}

/** An image or video of each transfer syntax that storescp takes and no sample has; the result is their paths. */
export function makeOfEachTransferSyntax(folder: string): string[] {
  const images = Object.entries(encoders).map(([name, [program, ...options]]) => {
    const file = join(folder, `${name}.dcm`)
    execFileSync(program, [...options, sample('ct-chest'), file], { stdio: 'ignore' })
    return file
  })
  const video = join(folder, 'MPEG-4 AVC.dcm')
  writeFileSync(video, asVideo(readFileSync(sample('us-abdomen-jpeg'))))
  return [...images, video]
}

const jpegBaseline = '1.2.840.10008.1.2.4.50'
const mpeg4 = '1.2.840.10008.1.2.4.102\0'

/** The same with a stream of three fragments in place of the picture (PS3.5 §A.4), which nobody on the way decodes. */
function asVideo(file: Buffer): Buffer {
  const syntaxAt = file.indexOf(jpegBaseline, 144)
  const pixelsAt = file.lastIndexOf(
    Buffer.from([0xe0, 0x7f, 0x10, 0, 0x4f, 0x42, 0, 0, 0xff, 0xff, 0xff, 0xff]),
  )
  assert.ok(syntaxAt > 0 && pixelsAt > syntaxAt)
  const meta = Buffer.from(file.subarray(0, syntaxAt))
  meta.writeUInt32LE(meta.readUInt32LE(140) + mpeg4.length - jpegBaseline.length, 140)
  meta.writeUInt16LE(mpeg4.length, syntaxAt - 2)
  const dataset = file.subarray(syntaxAt + jpegBaseline.length, pixelsAt + 12)
  const fragments = [0, 70_000, 30_000, 2].map(size => item(0xe000, Buffer.alloc(size, '\0\0\x01\x65mpeg')))
  return Buffer.concat([meta, Buffer.from(mpeg4), dataset, ...fragments, item(0xe0dd)])
}

/** PS3.5 §7.5: an item, and what ends them. */
function item(element: number, value = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt16LE(0xfffe, 0)
  header.writeUInt16LE(element, 2)
  header.writeUInt32LE(value.length, 4)
  return Buffer.concat([header, value])
}
