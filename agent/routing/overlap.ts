import { inNetworks, isWithin } from './network.ts'
import { anyOf } from './pattern.ts'

// What can be said of two conditions on the same key without any facts: only where they are texts or lists of texts.

/** Whether every association satisfies this condition. */
export function isAlwaysTrue(key: string, condition: unknown): boolean {
  return (
    (key === 'callingAE' || key === 'calledAE') && (texts(condition) ?? []).some(text => /^\*+$/.test(text))
  )
}

/** Whether `general` is true wherever `specific` is. False if that cannot be told. */
export function implies(key: string, specific: unknown, general: unknown): boolean {
  if (canonical(specific) === canonical(general)) return true
  const [narrow, wide] = [texts(specific), texts(general)]
  if (!narrow || !wide) return false
  if (key === 'source') return narrow.every(network => isWithin(network, wide))
  const matches = anyOf(wide)
  return narrow.every(text => wide.includes(text) || (isOne(text) && matches(text)))
}

/** Facts that an association has one of; attributes and SOP classes may have several values, of which one must match. */
const singles = ['callingAE', 'calledAE', 'source']

/** Whether no association satisfies both. False if that cannot be told. */
export function isDisjoint(key: string, a: unknown, b: unknown): boolean {
  const [some, others] = [texts(a), texts(b)]
  if (!singles.includes(key) || !some || !others) return false
  if (key === 'source') return !meet(some, others) && !meet(others, some)
  if (some.every(isOne)) return !some.some(anyOf(others))
  return others.every(isOne) && !others.some(anyOf(some))
}

/** Networks are within each other or apart. */
function meet(networks: readonly string[], others: readonly string[]): boolean {
  return networks.map(network => network.replace(/\/.*/, '')).some(inNetworks(others))
}

function isOne(text: string): boolean {
  return !/[*?]/.test(text)
}

function texts(condition: unknown): string[] | undefined {
  const values = [condition].flat()
  return values.every(value => typeof value === 'string') ? values.map(text => text.trim()) : undefined
}

/** Without the order of lists and keys. */
function canonical(condition: unknown): string {
  if (Array.isArray(condition)) return `[${condition.map(canonical).sort().join()}]`
  if (typeof condition !== 'object' || condition === null) return JSON.stringify(condition) ?? ''
  const entries = Object.entries(condition).map(([key, value]) => `${key}:${canonical(value)}`)
  return `{${entries.sort().join()}}`
}
