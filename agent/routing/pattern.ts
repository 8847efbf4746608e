/** A test of one value. Trailing padding has been removed from the values; case matters. */
export type Matcher = (value: string) => boolean

/**
 * Matches any of `patterns`: each a literal, or with `*` (any characters, or none) and `?` (exactly one). Unicode
 * writes an ü in two ways; they are the same.
 */
export function anyOf(patterns: readonly string[]): Matcher {
  const normalized = patterns.map(pattern => pattern.normalize())
  const literals = new Set(normalized.filter(pattern => !/[*?]/.test(pattern)))
  const globs = normalized.filter(pattern => /[*?]/.test(pattern)).map(pattern => Array.from(pattern))
  return written => {
    const value = written.normalize()
    if (literals.has(value)) return true
    if (globs.length === 0) return false
    const characters = Array.from(value)
    return globs.some(glob => matchesGlob(glob, characters))
  }
}

/** Two cursors and one place to come back to: at worst pattern × value steps, never exponential. */
export function matchesGlob(pattern: readonly string[], value: readonly string[]): boolean {
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
