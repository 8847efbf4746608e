/** In characters: more than the values that one decision looks at, mostly. */
const limit = 100_000

/** What `read` tells of a text, found out once, since many rules ask it of the same values. */
export function remembered<T>(read: (text: string) => T & {}): (text: string) => T {
  const known = new Map<string, T & {}>()
  let size = 0
  return text => {
    const before = known.get(text)
    if (before !== undefined) return before
    const found = read(text)
    size += text.length + 1
    if (size > limit) {
      known.clear()
      size = 0
    }
    known.set(text, found)
    return found
  }
}
