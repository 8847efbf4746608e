import type { Fold } from './pattern.ts'
import type { Look, Rule, RuleSet } from './rule-set.ts'

/** A fact or attribute that rules want to have certain values, and how these are compared. */
interface Key {
  look: Look
  fold: Fold
  /** the places of the rules that take a value, by value */
  takers: Map<string, number[]>
  /** those that take any, or say of it what cannot be looked up */
  indifferent: Bits
}

/** A bit for each rule. */
type Bits = Uint32Array

/**
 * Finds the rules that may hold without testing each: every key strikes out those that need another value than the one
 * that is there. What is left is in order, and to be tested in full; what is not known yet strikes out nothing.
 */
export function indexed(rules: readonly Rule[]): RuleSet['candidates'] {
  const all: Bits = new Uint32Array(Math.ceil(rules.length / 32))
  for (const place of rules.keys()) add(all, place)
  const keys = [...keysOf(rules, all).values()]

  return function* (association, dataset) {
    const left = all.slice()
    const waiting = new Uint32Array(all.length)
    for (const { look, fold, takers, indifferent } of keys) {
      const found = look(association, dataset)
      if (found.state === 'unknown') {
        for (const [index, word] of indifferent.entries()) waiting[index] = (waiting[index] ?? 0) | ~word
        continue
      }
      const remaining = indifferent.slice()
      for (const value of found.state === 'present' ? found.values : []) {
        for (const place of takers.get(fold(value)) ?? []) add(remaining, place)
      }
      for (const [index, word] of remaining.entries()) left[index] = (left[index] ?? 0) & word
    }
    for (const [index, word] of left.entries()) {
      for (let rest = word; rest !== 0; rest &= rest - 1) {
        const place = 32 * index + 31 - Math.clz32(rest & -rest)
        const rule = rules[place]
        if (rule) yield { rule, mayBeTrue: !has(waiting, place) }
      }
    }
  }
}

function keysOf(rules: readonly Rule[], all: Bits): Map<string, Key> {
  const keys = new Map<string, Key>()
  for (const [place, { conditions }] of rules.entries()) {
    for (const { needs } of conditions) {
      if (!needs) continue
      const { look, oneOf } = needs
      const { fold, texts } = oneOf
      const id = `${fold.name} ${needs.key}`
      const key = keys.get(id) ?? { look, fold, takers: new Map(), indifferent: all.slice() }
      keys.set(id, key)
      // a rule that has two conditions on a key may be found by either
      remove(key.indifferent, place)
      for (const value of texts) {
        const takers = key.takers.get(value)
        if (takers) takers.push(place)
        else key.takers.set(value, [place])
      }
    }
  }
  return keys
}

function has(bits: Bits, place: number): boolean {
  return ((bits[place >>> 5] ?? 0) & (1 << (place & 31))) !== 0
}

function add(bits: Bits, place: number): void {
  bits[place >>> 5] = (bits[place >>> 5] ?? 0) | (1 << (place & 31))
}

function remove(bits: Bits, place: number): void {
  bits[place >>> 5] = (bits[place >>> 5] ?? 0) & ~(1 << (place & 31))
}
