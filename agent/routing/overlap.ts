import { inNetworks } from './network.ts'
import { anyOf, type Matcher } from './pattern.ts'

// What can be said of two conditions without any facts: on the same key, and only where they are texts or lists of texts.

/** A key of a `when`, what is said there, and the forms in which that is compared with what others say. */
export interface WrittenCondition {
  key: string
  condition: unknown
  /** where it is a text or a list of texts */
  texts: readonly string[] | undefined
  /** whether it matches a text, where it is one or a list of them */
  matches: Matcher
  /** the same for conditions that say the same */
  canonical: string
}

/** Made once, for every rule is compared with all before it. */
export function writtenCondition(key: string, condition: unknown): WrittenCondition {
  const texts = textsOf(condition)
  return {
    key,
    condition,
    texts,
    matches: key === 'source' ? inNetworks(texts ?? []) : anyOf(texts ?? []),
    canonical: canonicalOf(condition),
  }
}

/** Whether every association satisfies this condition. */
export function isAlwaysTrue({ key, texts = [] }: WrittenCondition): boolean {
  return (key === 'callingAE' || key === 'calledAE') && texts.some(text => /^\*+$/.test(text))
}

/** Whether `general` is true wherever `specific` is. False if that cannot be told. */
export function implies(specific: WrittenCondition, general: WrittenCondition): boolean {
  if (specific.key !== general.key) return false
  if (specific.canonical === general.canonical) return true
  const [narrow, wide] = [specific.texts, general.texts]
  if (!narrow || !wide) return false
  if (general.key === 'source') return narrow.every(general.matches)
  return narrow.every(text => wide.includes(text) || (isOne(text) && general.matches(text)))
}

/** Facts that an association has one of; attributes and SOP classes may have several values, of which one must match. */
const singles = ['callingAE', 'calledAE', 'source', 'tlsClientCN']

/** Whether no association satisfies both. False if that cannot be told. */
export function isDisjoint(a: WrittenCondition, b: WrittenCondition): boolean {
  const [some, others] = [a.texts, b.texts]
  if (a.key !== b.key || !singles.includes(a.key) || !some || !others) return false
  // networks are within each other or apart
  if (a.key === 'source') return !some.some(b.matches) && !others.some(a.matches)
  if (some.every(isOne)) return !some.some(b.matches)
  return others.every(isOne) && !others.some(a.matches)
}

function isOne(text: string): boolean {
  return !/[*?]/.test(text)
}

function textsOf(condition: unknown): string[] | undefined {
  const values = [condition].flat()
  return values.every(value => typeof value === 'string') ? values.map(text => text.trim()) : undefined
}

/** Without the order of lists and keys. */
function canonicalOf(condition: unknown): string {
  if (Array.isArray(condition)) return `[${condition.map(canonicalOf).sort().join()}]`
  if (typeof condition !== 'object' || condition === null) return JSON.stringify(condition) ?? ''
  const entries = Object.entries(condition).map(([key, value]) => `${key}:${canonicalOf(value)}`)
  return `{${entries.sort().join()}}`
}
