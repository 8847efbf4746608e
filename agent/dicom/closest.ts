const maxSuggestions = 3
const maxLength = 80
/** From this length on, the beginning of a name is near to it, however much is missing. */
const minBeginningLength = 4

/** The names nearest to what was written, closest first, capitals aside: for "did you mean". */
export function closest(written: string, names: Iterable<string>): string[] {
  if (written.length > maxLength) return []
  const wanted = written.toLowerCase()
  const furthest = Math.max(2, Math.floor(wanted.length / 3))
  const near: { name: string; distance: number }[] = []
  for (const name of names) {
    const candidate = name.toLowerCase()
    const isBeginning = wanted.length >= minBeginningLength && candidate.startsWith(wanted)
    const edits = editDistance(wanted, candidate, furthest)
    const distance = isBeginning ? Math.min(edits, furthest) : edits
    // as many edits as letters turn anything into anything
    if (distance <= furthest && distance < wanted.length) near.push({ name, distance })
  }
  near.sort((a, b) => a.distance - b.distance)
  return near.slice(0, maxSuggestions).map(({ name }) => name)
}

/** Insertions, deletions and substitutions from a to b; more than `limit` is not counted further. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    if (Math.min(...next) > limit) return limit + 1
    row = next
  }
  return row[b.length] ?? 0
}
