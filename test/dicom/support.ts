import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DicomError } from '../../agent/dicom/index.ts'

/** Bytes from lines of hex, and of text in quotes; what stands behind # is a comment. */
export function bytes(annotated: string): Buffer {
  const parts: Buffer[] = []
  for (const line of annotated.split('\n')) {
    for (const [, text, hex] of (line.split('#')[0] ?? '').matchAll(/'([^']*)'|([0-9a-fA-F]{2})/g)) {
      parts.push(hex === undefined ? Buffer.from(text ?? '', 'latin1') : Buffer.from(hex, 'hex'))
    }
  }
  return Buffer.concat(parts)
}

export interface WholePdu {
  type: number
  body: Buffer
  whole: Buffer
}

const fixtures = join(import.meta.dirname, 'fixtures')

export function fixturePath(name: string): string {
  return join(fixtures, name)
}

export function fixture(name: string): Buffer {
  return readFileSync(fixturePath(name))
}

export function captures(): string[] {
  return readdirSync(fixtures).filter(name => name.endsWith('.bin'))
}

/** The PDUs of a captured stream. */
export function pdusOf(stream: Buffer): WholePdu[] {
  const pdus: WholePdu[] = []
  for (let offset = 0; offset < stream.length; ) {
    const end = offset + 6 + stream.readUInt32BE(offset + 2)
    const whole = stream.subarray(offset, end)
    pdus.push({ type: whole.readUInt8(0), body: whole.subarray(6), whole })
    offset = end
  }
  return pdus
}

/** The P-DATA-TF PDUs of a captured stream, as bytes. */
export function pDataOf(stream: Buffer): Buffer {
  return Buffer.concat(
    pdusOf(stream)
      .filter(({ type }) => type === 4)
      .map(({ whole }) => whole),
  )
}

/** Runs a decoder that must either succeed or throw a DicomError that names its field. */
export function decodesOrRefuses(decode: () => unknown): 'decoded' | 'refused' {
  try {
    decode()
    return 'decoded'
  } catch (error) {
    assert.ok(error instanceof DicomError, `not a DicomError: ${error}`)
    assert.notEqual(error.field, '')
    return 'refused'
  }
}

export function refusal(code: string, field?: string) {
  return (error: unknown) => {
    assert.ok(error instanceof DicomError, `not a DicomError: ${error}`)
    assert.equal(error.code, code)
    if (field !== undefined) assert.equal(error.field, field)
    return true
  }
}

/** Every buffer that differs from `original` in one byte, for a handful of telling values of that byte. */
export function* mutations(original: Buffer): Generator<Buffer> {
  for (let at = 0; at < original.length; at++) {
    const byte = original[at] ?? 0
    for (const value of [0, 1, 0x7f, 0x80, 0xff, byte ^ 1, (byte + 1) & 0xff, (byte - 1) & 0xff]) {
      if (value === byte) continue
      const mutated = Buffer.from(original)
      mutated[at] = value
      yield mutated
    }
  }
}

export function* prefixes(original: Buffer): Generator<Buffer> {
  for (let length = 0; length <= original.length; length++) yield original.subarray(0, length)
}
