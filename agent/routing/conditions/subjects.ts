import { allKeywords, closest, commandNames, type Lookup, uidName, vrOfPath } from '../../dicom/index.ts'
import type { Report } from '../errors.ts'
import { type AssociationFacts, type DatasetFacts, lookUp } from '../facts.ts'
import { inNetworks, isNetwork } from '../network.ts'
import type { Paths } from '../paths.ts'
import { anyOf, type Fold, type Matcher } from '../pattern.ts'
import { type Order, orderOf } from './order.ts'
import { namesIn, withoutEmptyEnd } from './person-name.ts'
import { checkUid, type NamedUids, sopClasses, transferSyntaxes, uidMeant } from './uids.ts'

/** What a condition looks at: a fact of the association, or an attribute of its first dataset. */
export interface Subject {
  key: string
  look(association: AssociationFacts, dataset: DatasetFacts): Lookup
  /** Whether a value is any of those that a rule has written. */
  is(written: readonly string[], fold: Fold, report: Report): Matcher
  /** What a value may be written as, for conditions on its text; undefined where it is not compared as text. */
  texts: ((value: string) => readonly string[]) | undefined
  order: Order | undefined
}

export function subjectOf(key: string, paths: Paths, report: Report): Subject | undefined {
  return Object.hasOwn(facts, key) ? facts[key] : attribute(key, paths, report)
}

const itself = (value: string) => [value]
const present = (values: readonly string[]): Lookup => ({ state: 'present', values })

const trimmed: Subject['is'] = (written, fold) =>
  anyOf(
    written.map(text => text.trim()),
    fold,
  )

const title = (key: 'callingAE' | 'calledAE'): Subject => ({
  key,
  look: association => present([association[key]]),
  is: (written, fold, report) => {
    const patterns = written.map(text => text.trim())
    for (const [index, pattern] of patterns.entries()) {
      if (pattern.replaceAll('*', '').length <= maxTitleLength) continue
      report([index], `"${pattern}" can never match: AE titles have at most ${maxTitleLength} characters`)
    }
    return anyOf(patterns, fold)
  },
  texts: itself,
  order: undefined,
})
const maxTitleLength = 16

const uids = (
  key: string,
  kind: NamedUids,
  proposed: (facts: AssociationFacts) => readonly string[],
): Subject => ({
  key,
  look: association => present(proposed(association)),
  is: (written, _, report) =>
    anyOf(
      written.map((text, index) =>
        uidMeant(kind, text, (path, message) => report([index, ...path], message)),
      ),
    ),
  texts: uid => [uid, uidName(uid) ?? uid],
  order: undefined,
})

const facts: Readonly<Record<string, Subject>> = {
  callingAE: title('callingAE'),
  calledAE: title('calledAE'),
  source: {
    key: 'source',
    look: ({ source }) => present([source]),
    is: (written, _, report) => {
      for (const [index, text] of written.entries()) {
        if (isNetwork(text)) continue
        report([index], `"${text}" is no address or network, such as 10.1.2.3, 10.1.0.0/16 or 2001:db8::/32`)
      }
      return inNetworks(written.filter(isNetwork))
    },
    texts: undefined,
    order: undefined,
  },
  tlsClientCN: {
    key: 'tlsClientCN',
    look: ({ tlsClientCN: name }) => (name === undefined ? { state: 'absent' } : present([name])),
    is: trimmed,
    texts: itself,
    order: undefined,
  },
  sopClass: uids('sopClass', sopClasses, facts => facts.sopClasses),
  transferSyntax: uids('transferSyntax', transferSyntaxes, facts => facts.transferSyntaxes),
  implementation: {
    key: 'implementation',
    look: ({ implementation }) => present(implementation),
    is: trimmed,
    texts: itself,
    order: undefined,
  },
  dimse: {
    key: 'dimse',
    look: ({ dimse }) => dimse,
    is: (written, fold, report) => {
      const names = [...commandNames.values()]
      for (const [index, text] of written.entries()) {
        if (names.some(anyOf([text], fold))) continue
        report([index], `"${text}" is no command of DICOM: one of ${names.join(', ')}`)
      }
      return anyOf(written, fold)
    },
    texts: itself,
    order: undefined,
  },
}

/** PS3.5 §6.2: VRs in which leading spaces mean something; elsewhere they are padding. */
const keepsLeadingSpaces = new Set(['UC', 'LT', 'ST', 'UT', 'UR'])

/** What people write for a date or an age, and no dataset holds (PS3.5 §6.2). */
const mistaken: ReadonlyMap<string, { form: RegExp; instead: string }> = new Map([
  ['DA', { form: /^(\d{4}-.*|\d{8}-\d*|\d{4}|\d{6})$/, instead: 'a date is "20240131"' }],
  ['AS', { form: /^(\d{1,2}[DWMY]|\d{2,3})$/i, instead: 'an age is "018Y" or "006M"' }],
])

function attribute(key: string, paths: Paths, report: Report): Subject | undefined {
  const index = paths.addDeciding(key, message => report([], withFacts(key, message), 'key'))
  const path = index === undefined ? undefined : paths.all[index]
  if (index === undefined || path === undefined) return undefined
  const vr = vrOfPath(path)
  const isName = vr === 'PN'
  const texts = isName ? namesIn : itself
  const cleaned = (text: string) => {
    const trimmed = keepsLeadingSpaces.has(vr) ? text.trimEnd() : text.trim()
    return isName ? withoutEmptyEnd(trimmed) : trimmed
  }
  return {
    key,
    look: (_, dataset) => lookUp(dataset, index),
    is: (written, fold, report) => {
      for (const [index, text] of written.entries()) {
        if (vr === 'UI') checkUid(text, (path, message) => report([index, ...path], message))
        const mistake = mistaken.get(vr)
        if (!mistake?.form.test(text.trim())) continue
        report([index], `"${text}" never matches: in datasets, ${mistake.instead}; or use gte and lte`)
      }
      const matches = anyOf(written.map(cleaned), fold)
      if (!isName) return matches
      const needs = matches.needs && { ...matches.needs, forms: texts }
      return Object.assign((value: string) => texts(value).some(matches), { needs })
    },
    texts,
    order: orderOf(vr),
  }
}

const factNames = [...Object.keys(facts), 'time']

/** A misspelt fact is no keyword either: say which one, or that there are facts, where one may have been meant. */
function withFacts(key: string, message: string): string {
  const [meant = ''] = closest(key, [...factNames, ...closest(key, allKeywords())])
  if (factNames.includes(meant)) return `"${key}" is no fact; did you mean ${meant}?`
  const near = factNames.some(fact => fact.slice(0, 3) === key.slice(0, 3).toLowerCase())
  return near ? `${message}; the facts of an association are ${factNames.join(', ')}` : message
}
