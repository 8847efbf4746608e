import type { Report } from './errors.ts'

/** What other languages call the combinations. */
const meant: ReadonlyMap<string, string> = new Map([
  ['or', 'any'],
  ['anyOf', 'any'],
  ['oneOf', 'any'],
  ['and', 'all'],
  ['allOf', 'all'],
  ['nor', 'not: { any: … }'],
  ['none', 'not: { any: … }'],
])

/**
 * A `when` in which `any` and `all` hold lists and `not` a map, though they may have been written the other way round, so
 * that what is in them is looked at, too; and which has no combination of another language.
 */
export function mended(when: unknown, report: Report): unknown {
  if (!isMap(when)) return when
  const entries = Object.entries(when).flatMap(([key, value]): [string, unknown][] => {
    const below = (...steps: (string | number)[]): Report => {
      return (path, message, at) => report([key, ...steps, ...path], message, at)
    }
    const instead = meant.get(key)
    if (instead !== undefined) {
      report([key], `unknown key "${key}": write ${instead}`, 'key')
      return []
    }
    if (key === 'any' || key === 'all') {
      if (isMap(value)) report([key], `${key} must be a list of maps`)
      const list = isMap(value) ? [value] : value
      return [[key, Array.isArray(list) ? list.map((inner, index) => mended(inner, below(index))) : list]]
    }
    if (key !== 'not') return [[key, value]]
    if (Array.isArray(value)) report([key], 'not must be a map')
    return [[key, mended(Array.isArray(value) ? { all: value } : value, below())]]
  })
  // an empty map would be told of, though it was none
  return Object.keys(when).length > 0 && entries.length === 0
    ? { callingAE: '*' }
    : Object.fromEntries(entries)
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
