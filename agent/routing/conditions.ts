import { parseTagPath, sopClassByName, type TagPath, TagPathError } from '../dicom/index.ts'
import { type AssociationFacts, lookUp } from './facts.ts'
import { inNetworks, isNetwork } from './network.ts'
import { anyOf } from './pattern.ts'
import type { Condition, Stick } from './rule-set.ts'

/** Says what is wrong at a path below the one at hand; at its key instead of its value where `at` says so. */
export type Report = (path: readonly (string | number)[], message: string, at?: 'key') => void

/** How each fact of an association is compared; every other key of `when` is an attribute of the dataset. */
const facts: Readonly<Record<string, (values: readonly string[], report: Report) => Condition>> = {
  callingAE: values => textCondition(values, ({ callingAE }) => callingAE),
  calledAE: values => textCondition(values, ({ calledAE }) => calledAE),
  source: (values, report) => {
    const wrong = values.filter(value => !isNetwork(value))
    for (const value of wrong)
      report([], `"${value}" is no address or network, such as 10.1.2.3, 10.1.0.0/16 or 2001:db8::/32`)
    const matches = inNetworks(values.filter(isNetwork))
    return ({ source }) => matches(source)
  },
  sopClass: (values, report) => {
    const uids = values.map(value => {
      if (/^[\d.*?]+$/.test(value)) return value
      const uid = sopClassByName(value)
      if (uid === undefined)
        report(
          [],
          `unknown SOP class "${value}": use its UID or its name in PS3.6, such as "CT Image Storage"`,
        )
      return uid ?? value
    })
    const matches = anyOf(uids)
    return ({ sopClasses }) => sopClasses.some(uid => matches(uid))
  },
}

function textCondition(
  values: readonly string[],
  fact: (association: AssociationFacts) => string,
): Condition {
  const matches = anyOf(values.map(value => value.trim()))
  return association => matches(fact(association))
}

export function compileCondition(
  key: string,
  values: readonly string[],
  paths: Paths,
  report: Report,
): Condition | undefined {
  const fact = Object.hasOwn(facts, key) ? facts[key] : undefined
  if (fact) return fact(values, report)
  const index = paths.add(key, message => report([], message, 'key'))
  if (index === undefined) return undefined
  const matches = anyOf(values.map(value => value.trimEnd()))
  return (_, dataset) => {
    const found = lookUp(dataset, index)
    if (found.state === 'unknown') return 'unknown'
    return found.state === 'present' && found.values.some(matches)
  }
}

const stickyFacts: Record<string, Stick> = {
  callingAE: ({ callingAE }) => [callingAE],
  calledAE: ({ calledAE }) => [calledAE],
  source: ({ source }) => [source],
}

export function compileStick(key: string, paths: Paths, report: Report): Stick | undefined {
  const fact = Object.hasOwn(stickyFacts, key) ? stickyFacts[key] : undefined
  if (fact) return fact
  const index = paths.add(key, message => report(['stick'], message))
  if (index === undefined) return undefined
  return (_, dataset) => {
    const found = lookUp(dataset, index)
    if (found.state === 'unknown') return 'unknown'
    return found.state === 'present' ? found.values : []
  }
}

/** The attributes asked for, each once. */
export class Paths {
  readonly all: TagPath[] = []
  readonly #indexes = new Map<string, number>()

  add(text: string, report: (message: string) => void): number | undefined {
    let index = this.#indexes.get(text)
    if (index !== undefined) return index
    try {
      index = this.all.push(parseTagPath(text)) - 1
    } catch (error) {
      if (!(error instanceof TagPathError)) throw error
      report(error.message)
      return undefined
    }
    this.#indexes.set(text, index)
    return index
  }
}
