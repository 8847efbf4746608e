import { sopClassByName, transferSyntaxByName } from '../../dicom/index.ts'
import type { Report } from '../errors.ts'

/** A kind of UIDs that PS3.6 gives names. */
export interface NamedUids {
  what: string
  byName: (name: string) => string | undefined
  /** what is often left off a name */
  endings: readonly string[]
}

export const sopClasses: NamedUids = {
  what: 'SOP class',
  byName: sopClassByName,
  endings: [' Image Storage', ' Storage'],
}

export const transferSyntaxes: NamedUids = {
  what: 'transfer syntax',
  byName: transferSyntaxByName,
  endings: [' Little Endian', ' Image Compression', ' (Process 1)', ' Lossless'],
}

/** The UID that a rule means, or the pattern of UIDs. */
export function uidMeant(kind: NamedUids, written: string, report: Report): string {
  const text = written.trim()
  if (isUidPattern(text)) return text
  const uid = kind.byName(text)
  if (uid === undefined) report([], `unknown ${kind.what} "${text}": ${uidHint(kind, text)}`)
  return uid ?? text
}

/** Of an attribute, nothing but UIDs are compared: a name would never match. */
export function checkUid(written: string, report: Report): void {
  const text = written.trim()
  if (isUidPattern(text)) return
  const meant = sopClassByName(text) ?? transferSyntaxByName(text)
  report([], `"${text}" is no UID${meant === undefined ? '' : `; did you mean ${meant}?`}`)
}

function isUidPattern(text: string): boolean {
  return /^[\d.*?]+$/.test(text)
}

export function uidHint({ byName, endings }: NamedUids, text: string): string {
  if (/[*?]/.test(text)) return '* and ? stand in UIDs only'
  const meant = endings.map(ending => text + ending).find(name => byName(name) !== undefined)
  return meant === undefined ? 'use its UID, or its name in PS3.6' : `did you mean "${meant}"?`
}
