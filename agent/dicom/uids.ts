import { otherSopClasses } from './other-sop-classes.ts'
import { storageSopClasses } from './storage-sop-classes.ts'
import { transferSyntaxes } from './transfer-syntaxes.ts'

const sopClasses: readonly [string, string][] = [
  ...Object.entries(storageSopClasses),
  ...Object.entries(otherSopClasses),
]
const namesByUid: ReadonlyMap<string, string> = new Map([...sopClasses, ...Object.entries(transferSyntaxes)])

/** The standard's name of a SOP class or transfer syntax; undefined for a UID that PS3.6 does not name. */
export function uidName(uid: string): string | undefined {
  return namesByUid.get(uid)
}

/** True for the standard's Storage SOP classes. */
export function isStorage(abstractSyntax: string): boolean {
  return Object.hasOwn(storageSopClasses, abstractSyntax)
}

/** True unless the standard says that it is for something else: private SOP classes may be for storage. */
export function mayStore(abstractSyntax: string): boolean {
  return !Object.hasOwn(otherSopClasses, abstractSyntax)
}

/**
 * The UID of a SOP class: by name, with or without " SOP Class", or by keyword ("CTImageStorage"); capitals, spaces
 * and punctuation do not matter. Where a retired class has the same name, the current one is meant. A UID stands
 * for itself. Undefined for a name that the standard does not have.
 */
export function sopClassByName(name: string): string | undefined {
  sopClassNames ??= byName(sopClasses)
  return isUid(name) ? name : sopClassNames.get(simplify(name))
}

/** As `sopClassByName`, of a transfer syntax. */
export function transferSyntaxByName(name: string): string | undefined {
  transferSyntaxNames ??= byName(Object.entries(transferSyntaxes))
  return isUid(name) ? name : transferSyntaxNames.get(simplify(name))
}

const retiredMark = ' (Retired)'
let sopClassNames: ReadonlyMap<string, string> | undefined
let transferSyntaxNames: ReadonlyMap<string, string> | undefined

function byName(uids: readonly [uid: string, name: string][]): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const [uid, name] of uids) {
    found.set(simplify(name), uid)
    if (name.endsWith(retiredMark)) found.set(simplify(name.slice(0, -retiredMark.length)), uid)
  }
  for (const [uid, name] of uids) {
    if (!name.endsWith(retiredMark)) found.set(simplify(name), uid)
  }
  return found
}

function simplify(name: string): string {
  const letters = name.toLowerCase().replace(/[^a-z0-9]/g, '')
  return letters.replaceAll('sopclass', '')
}

/** PS3.5 §9.1: digits and dots, at most 64. */
function isUid(text: string): boolean {
  return text.length <= 64 && /^[0-9][0-9.]*$/.test(text) && text.includes('.')
}
