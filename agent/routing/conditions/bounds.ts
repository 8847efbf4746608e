/** Maps within each other, from a rule on; and all that it holds, where an alias counts as what it stands for. */
export const maxDepth = 20
const maxSize = 10_000

/** What is wrong with a rule that is so deep or so large that compiling it would take too long. */
export function beyondBounds(rule: unknown): string | undefined {
  const { depth, size } = measure(rule, new Map())
  if (depth > maxDepth)
    return `more than ${maxDepth} maps stand within each other: split it into several rules`
  return size > maxSize ? `holds more than ${maxSize} values: split it into several rules` : undefined
}

interface Measure {
  depth: number
  size: number
}

/** What several aliases stand for is measured once; what stands within itself has no end. */
function measure(value: unknown, known: Map<object, Measure>): Measure {
  if (typeof value !== 'object' || value === null) return { depth: 0, size: 1 }
  const before = known.get(value)
  if (before) return before
  known.set(value, { depth: Number.POSITIVE_INFINITY, size: 1 })
  const inner = Object.values(value).map(child => measure(child, known))
  const measured = {
    depth: Math.max(0, ...inner.map(({ depth }) => depth)) + (Array.isArray(value) ? 0 : 1),
    size: inner.reduce((sum, { size }) => sum + size, 1),
  }
  known.set(value, measured)
  return measured
}
