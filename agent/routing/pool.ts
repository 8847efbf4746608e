import { sopClassByName, transferSyntaxes } from '../dicom/index.ts'
import { sopClasses, uidHint } from './conditions/uids.ts'
import type { Report } from './errors.ts'
import type { Pool } from './rule-set.ts'
import type { PoolSource } from './schema.ts'

export function compilePool(source: PoolSource, report: Report): Pool {
  for (const key of ['calledAE', 'callingAE'] as const) {
    const title = source[key]
    if (title === undefined || isAETitle(title)) continue
    report([key], `"${title}" is no AE title: 1 to 16 characters of ASCII, without backslash`)
  }
  const uids = (key: 'transferSyntaxes' | 'sopClasses', uidOf: (text: string) => string | Unknown) =>
    source[key]?.map((text, index) => {
      const uid = uidOf(text)
      if (typeof uid === 'string') return uid
      report([key, index], uid.unknown)
      return text
    })
  return {
    ...source,
    transferSyntaxes: uids('transferSyntaxes', transferSyntaxUid),
    sopClasses: uids('sopClasses', sopClassUid),
  }
}

type Unknown = { unknown: string }

/** By UID, also a private one, or by its name in PS3.6. */
function transferSyntaxUid(text: string): string | Unknown {
  if (/^\d+(\.\d+)+$/.test(text)) return text
  const uid = Object.keys(transferSyntaxes).find(uid => transferSyntaxes[uid] === text)
  return uid ?? { unknown: `unknown transfer syntax "${text}": use its UID` }
}

function sopClassUid(text: string): string | Unknown {
  const hint = /[*?]/.test(text) ? '* and ? stand in conditions only' : uidHint(sopClasses, text)
  return sopClassByName(text) ?? { unknown: `unknown SOP class "${text}": ${hint}` }
}

/** PS3.5 §6.2, VR AE. */
function isAETitle(text: string): boolean {
  return /^[\x20-\x5b\x5d-\x7e]{1,16}$/.test(text) && text.trim() !== ''
}
