import { isIP } from 'node:net'
import {
  closest,
  commandNames,
  commandOf,
  type Lookup,
  mayStore,
  parseTagPath,
  sopClassByName,
  type TagPath,
  TagPathError,
  transferSyntaxByName,
} from '../dicom/index.ts'
import type { Report } from './errors.ts'
import type { AssociationFacts, DatasetFacts } from './facts.ts'
import type { RuleSet } from './rule-set.ts'
import type { TestSource } from './schema.ts'

/** Facts and attributes as a test gives them. */
export interface Given {
  /** `at` only where a time is given */
  association: Omit<AssociationFacts, 'at'> & { at: number | undefined }
  /** the values of attributes; `never` where the association carries no dataset to be stored */
  attributes: ReadonlyMap<string, readonly string[]> | 'never'
}

/** What is given, and of facts that are not what most associations have; what is wrong goes to `report`. */
export function readGiven(given: TestSource['given'], report: Report): Given {
  const facts: Partial<AssociationFacts> = {}
  const attributes = new Map<string, readonly string[]>()
  for (const [key, values] of Object.entries(given)) {
    const read = Object.hasOwn(factReaders, key) ? factReaders[key] : undefined
    if (read)
      Object.assign(
        facts,
        read(values, (path, message) => report([key, ...path], message)),
      )
    else addAttribute(attributes, key, values, report)
  }
  const sopClasses = facts.sopClasses ?? attributes.get(sopClassUid) ?? []
  const dimse = facts.dimse ?? likelyCommand(sopClasses)
  const stores = dimse.state === 'present' && dimse.values.includes('C-STORE')
  const association = {
    callingAE: '',
    calledAE: '',
    source: '',
    transferSyntaxes: [],
    implementation: [],
    at: undefined,
  }
  return {
    association: { ...association, ...facts, sopClasses, dimse },
    attributes: stores ? attributes : 'never',
  }
}

/** The command that an association begins with; where nothing is proposed, storage is meant. */
export function likelyCommand(sopClasses: readonly string[]): Lookup {
  if (sopClasses.length === 0 || sopClasses.some(mayStore)) return { state: 'present', values: ['C-STORE'] }
  const [command] = sopClasses.flatMap(uid => commandOf(uid) ?? [])
  return command === undefined ? { state: 'absent' } : { state: 'present', values: [command] }
}

/** The attributes that are given, as a dataset that holds nothing else. */
export function lookUpGiven({ attributes }: Given, { paths }: RuleSet): DatasetFacts {
  if (attributes === 'never') return 'never'
  return paths.map((path): Lookup => {
    const values = attributes.get(identity(path))
    return values === undefined ? { state: 'absent' } : { state: 'present', values: [...values] }
  })
}

type ReadFact = (values: readonly string[], report: Report) => Partial<AssociationFacts>

/** How the facts of an association are given; every other key is an attribute of the dataset. */
const factReaders: Readonly<Record<string, ReadFact>> = {
  callingAE: (values, report) => ({ callingAE: only(values, report).trim() }),
  calledAE: (values, report) => ({ calledAE: only(values, report).trim() }),
  source: (values, report) => {
    const source = only(values, report)
    if (isIP(source) === 0) report([], `"${source}" is no address, such as 10.1.2.3 or 2001:db8::1`)
    return { source }
  },
  tlsClientCN: (values, report) => ({ tlsClientCN: only(values, report) }),
  sopClass: (values, report) => ({ sopClasses: uids('SOP class', sopClassByName, values, report) }),
  transferSyntax: (values, report) => ({
    transferSyntaxes: uids('transfer syntax', transferSyntaxByName, values, report),
  }),
  implementation: implementation => ({ implementation }),
  dimse: (values, report) => {
    const command = only(values, report)
    const names = [...commandNames.values()]
    if (!names.includes(command))
      report([], `"${command}" is no command of DICOM: one of ${names.join(', ')}`)
    return { dimse: { state: 'present', values: [command] } }
  },
  time: (values, report) => {
    const at = momentOf(only(values, report))
    if (at === undefined) report([], `must be a moment with its offset, such as ${exampleMoment}`)
    return { at: at ?? 0 }
  },
}

export const factNames: readonly string[] = Object.keys(factReaders)
export const exampleMoment = '2026-01-31T22:00+01:00'

/** Milliseconds since 1970 UTC of an ISO 8601 date and time with offset; undefined where the text is none. */
export function momentOf(text: string): number | undefined {
  const isWhole = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)$/.test(text)
  const at = isWhole ? Date.parse(text) : Number.NaN
  return Number.isNaN(at) ? undefined : at
}

function only([value = '', ...others]: readonly string[], report: Report): string {
  if (others.length > 0) report([], 'an association has one')
  return value
}

function uids(
  what: string,
  uidOf: (name: string) => string | undefined,
  values: readonly string[],
  report: Report,
): string[] {
  return values.map((value, index) => {
    const uid = uidOf(value)
    if (uid === undefined) report([index], `unknown ${what} "${value}": use its UID, or its name in PS3.6`)
    return uid ?? value
  })
}

function addAttribute(
  attributes: Map<string, readonly string[]>,
  key: string,
  values: readonly string[],
  report: Report,
): void {
  try {
    const path = parseTagPath(key)
    const filled = values.filter(value => value !== '')
    attributes.set(identity(path), filled)
  } catch (error) {
    if (!(error instanceof TagPathError)) throw error
    const [fact] = closest(key, factNames)
    const message = fact === undefined ? error.message : `"${key}" is no fact; did you mean ${fact}?`
    report([key], message, 'key')
  }
}

/** The same for all ways to write a path. */
function identity({ steps }: TagPath): string {
  return JSON.stringify(steps)
}

const sopClassUid = identity(parseTagPath('SOPClassUID'))
