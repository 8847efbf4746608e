import type { Lookup } from '../dicom/index.ts'
import { cheapFirst } from './conditions/index.ts'
import type { AssociationFacts, DatasetFacts } from './facts.ts'
import type { Fold, Needs } from './pattern.ts'
import type { Condition, Look, Rule, RuleSet } from './rule-set.ts'
import { every, type Truth } from './truth.ts'

/** A fact or attribute of which rules need certain values, and how these are compared. */
interface Key {
  name: string
  look: Look
  fold: Fold
  forms: Needs['forms']
  /** the places of the rules that take a value which is this text, or in which this part is */
  byText: Table
  byPart: Table
  partLengths: Set<number>
  /** those that take any, or say of it what cannot be looked up */
  indifferent: Bits
}

/** A bit for each rule. */
type Bits = Uint32Array

/** Rules by what they take: as places while these are fewer than words of bits. */
type Table = Map<string, number[] | Bits>

/** Of more characters, parts are not looked up: there are too many. */
const longest = 256

/**
 * Finds the rules that are not false without testing each: every key strikes out those that need another value than the
 * one that is there; what is not known yet strikes out nothing. What is left is tested in order.
 */
export function indexed(rules: readonly Rule[]): RuleSet['open'] {
  const all: Bits = new Uint32Array(Math.ceil(rules.length / 32))
  for (const place of rules.keys()) add(all, place)
  const keys = keysOf(rules, all)
  const tester = testing(rules)

  return function* (association, dataset) {
    const left = all.slice()
    for (const key of keys) strikeOut(left, key, key.look(association, dataset))
    const truthOf = tester(association, dataset)
    for (let index = 0; index < left.length; index++) {
      for (let rest = left[index] ?? 0; rest !== 0; rest &= rest - 1) {
        const place = 32 * index + 31 - Math.clz32(rest & -rest)
        const rule = rules[place]
        const truth = rule && truthOf(place)
        if (truth) yield { rule, truth }
      }
    }
  }
}

function strikeOut(left: Bits, key: Key, found: Lookup): void {
  if (found.state === 'unknown') return
  const { fold, forms, byText, byPart, partLengths, indifferent } = key
  const remaining = indifferent.slice()
  const keep = (takers: readonly number[] | Bits = []) => {
    if (takers instanceof Uint32Array) combine(remaining, takers, (one, other) => one | other)
    else for (const place of takers) add(remaining, place)
  }
  const values = found.state === 'present' ? found.values : []
  const texts = (forms ? values.flatMap(forms) : values).map(fold)
  if (byPart.size > 0 && texts.join('').length > longest) return
  for (const text of texts) {
    keep(byText.get(text))
    for (const length of partLengths) {
      for (let end = length; end <= text.length; end++) keep(byPart.get(text.slice(end - length, end)))
    }
  }
  combine(left, remaining, (one, other) => one & other)
}

function keysOf(rules: readonly Rule[], all: Bits): Iterable<Key> {
  const keys: Key[] = []
  for (const [place, { conditions }] of rules.entries()) {
    for (const { needs } of conditions) {
      if (!needs) continue
      const { name, look, value } = needs
      const { fold, forms, texts, parts } = value
      let key = keys.find(key => key.name === name && key.fold === fold && key.forms === forms)
      if (!key) {
        const tables = { byText: new Map(), byPart: new Map(), partLengths: new Set<number>() }
        key = { name, look, fold, forms, ...tables, indifferent: all.slice() }
        keys.push(key)
      }
      // a rule that has two conditions on a key may be found by either
      remove(key.indifferent, place)
      for (const text of texts) enter(key.byText, text, place, all.length)
      for (const part of parts) {
        enter(key.byPart, part, place, all.length)
        key.partLengths.add(part.length)
      }
    }
  }
  return keys
}

function enter(table: Table, text: string, place: number, words: number): void {
  const takers = table.get(text)
  if (takers instanceof Uint32Array) add(takers, place)
  else if (!takers) table.set(text, [place])
  else if (takers.length < words) takers.push(place)
  else {
    const bits = new Uint32Array(words)
    for (const taker of [...takers, place]) add(bits, taker)
    table.set(text, bits)
  }
}

/** Tests the rule at a place: cheap conditions first, and what several rules say once for each decision. */
function testing(rules: readonly Rule[]) {
  const counts = new Map<string, number>()
  for (const { id } of rules.flatMap(({ conditions }) => conditions))
    counts.set(id, (counts.get(id) ?? 0) + 1)
  const shared = [...counts].flatMap(([id, count]) => (count > 1 ? id : []))
  const numbers = new Map(shared.map((id, index) => [id, index]))
  const numbered = rules.map(({ conditions }) =>
    cheapFirst(conditions).map(({ id, test }) => ({ number: numbers.get(id), test })),
  )
  return (association: AssociationFacts, dataset: DatasetFacts): ((place: number) => Truth) => {
    const truths = new Uint8Array(numbers.size)
    const truthOf = ({ number, test }: Numbered): Truth => {
      if (number === undefined) return test(association, dataset)
      const before = tested[truths[number] ?? 0]
      if (before !== undefined) return before
      const truth = test(association, dataset)
      truths[number] = tested.indexOf(truth)
      return truth
    }
    return place => every(numbered[place] ?? [], truthOf)
  }
}

interface Numbered extends Pick<Condition, 'test'> {
  /** the same for conditions that say the same; undefined where none does */
  number: number | undefined
}

/** What a byte stands for. */
const tested: readonly (Truth | undefined)[] = [undefined, false, true, 'unknown']

function combine(bits: Bits, others: Bits, how: (word: number, other: number) => number): void {
  for (let index = 0; index < bits.length; index++) bits[index] = how(bits[index] ?? 0, others[index] ?? 0)
}

function add(bits: Bits, place: number): void {
  bits[place >>> 5] = (bits[place >>> 5] ?? 0) | (1 << (place & 31))
}

function remove(bits: Bits, place: number): void {
  bits[place >>> 5] = (bits[place >>> 5] ?? 0) & ~(1 << (place & 31))
}
