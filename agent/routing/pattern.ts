import { remembered } from './remembered.ts'

/** A test of one value. Trailing padding has been removed from the values. */
export interface Matcher {
  (value: string): boolean
  readonly needs?: Needs | undefined
}

/** What a value must be, or hold, to match: one of these texts, or of these parts. Both are folded, as values are. */
export interface Needs {
  fold: Fold
  texts: readonly string[]
  parts: readonly string[]
  /** what a value may be written as, any of which may be what is needed; where it is only itself, undefined */
  forms?: ((value: string) => readonly string[]) | undefined
}

/** The form in which texts are compared. */
export type Fold = (text: string) => string

/** Unicode writes an ü in two ways; they are the same. */
export const exactly: Fold = remembered(text => text.normalize())

/** Without regard to case. A character that becomes several (ß, SS) stays, so that `?` still stands for one. */
export const ignoringCase: Fold = remembered(text =>
  isPlain(text)
    ? text.toUpperCase()
    : Array.from(text.normalize(), character => {
        const upper = character.toUpperCase()
        return upper.length === character.length ? upper : character
      }).join(''),
)

/** ASCII is by far the most of what is compared, and the fastest: a character is a unit, and normal. */
function isPlain(text: string): boolean {
  return !/[^ -~]/.test(text)
}

/** Matches any of `patterns`: each a literal, or with `*` (any characters, or none) and `?` (exactly one). */
export function anyOf(patterns: readonly string[], fold: Fold = exactly): Matcher {
  const folded = patterns.map(fold)
  const texts = new Set(folded.filter(pattern => !/[*?]/.test(pattern)))
  const written = folded.filter(pattern => /[*?]/.test(pattern))
  const globs = written.map(pattern => Array.from(pattern))
  const matches = (value: string) => {
    const text = fold(value)
    if (texts.has(text)) return true
    if (globs.length === 0) return false
    const characters = charactersOf(text)
    return globs.some(glob => matchesGlob(glob, characters))
  }
  return Object.assign(matches, { needs: needing(fold, [...texts], written.map(longestPart)) })
}

/** Undefined where one of the parts is in every value. */
export function needing(
  fold: Fold,
  texts: readonly string[],
  parts: readonly string[],
  forms?: Needs['forms'],
): Needs | undefined {
  return parts.includes('') ? undefined : { fold, texts, parts, forms }
}

function longestPart(glob: string): string {
  return glob.split(/[*?]+/).reduce((longest, part) => (part.length > longest.length ? part : longest))
}

const charactersOf = remembered<ArrayLike<string>>(text => (isPlain(text) ? text : Array.from(text)))

/** Two cursors and one place to come back to: at worst pattern × value steps, never exponential. */
export function matchesGlob(pattern: ArrayLike<string>, value: ArrayLike<string>): boolean {
  let p = 0
  let v = 0
  let star = -1
  let resume = 0
  while (v < value.length) {
    if (pattern[p] === '*') {
      star = p++
      resume = v
    } else if (pattern[p] === '?' || pattern[p] === value[v]) {
      p++
      v++
    } else if (star >= 0) {
      p = star + 1
      v = ++resume
    } else {
      return false
    }
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}
