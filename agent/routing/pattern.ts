/** A test of one value. Trailing padding has been removed from the values. */
export interface Matcher {
  (value: string): boolean
  /** all that it matches, where these are a few texts */
  readonly literals?: Literals
}

/** Texts in the form in which they are compared. */
export interface Literals {
  fold: Fold
  texts: ReadonlySet<string>
}

/** The form in which texts are compared. */
export type Fold = (text: string) => string

/** Unicode writes an ü in two ways; they are the same. */
export const exactly: Fold = text => text.normalize()

/** Without regard to case. A character that becomes several (ß, SS) stays, so that `?` still stands for one. */
export const ignoringCase: Fold = text =>
  isPlain(text)
    ? text.toUpperCase()
    : Array.from(text.normalize(), character => {
        const upper = character.toUpperCase()
        return upper.length === character.length ? upper : character
      }).join('')

/** ASCII is by far the most of what is compared, and the fastest: a character is a unit, and normal. */
function isPlain(text: string): boolean {
  return !/[^ -~]/.test(text)
}

/** Matches any of `patterns`: each a literal, or with `*` (any characters, or none) and `?` (exactly one). */
export function anyOf(patterns: readonly string[], fold: Fold = exactly): Matcher {
  const folded = patterns.map(fold)
  const texts = new Set(folded.filter(pattern => !/[*?]/.test(pattern)))
  const globs = folded.filter(pattern => /[*?]/.test(pattern)).map(pattern => Array.from(pattern))
  if (globs.length === 0) {
    return Object.assign((value: string) => texts.has(fold(value)), { literals: { fold, texts } })
  }
  return written => {
    const value = fold(written)
    if (texts.has(value)) return true
    const characters = isPlain(value) ? value : Array.from(value)
    return globs.some(glob => matchesGlob(glob, characters))
  }
}

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
