import dictionary from 'dcmjs/dictionary'
import { closest } from './closest.ts'

/** A tag is one number: the group in the high 16 bits, the element in the low. */
export function tagOf(group: number, element: number): number {
  return group * 0x10000 + element
}

export function groupOf(tag: number): number {
  return Math.floor(tag / 0x10000)
}

export function elementOf(tag: number): number {
  return tag % 0x10000
}

export function formatTag(tag: number): string {
  return `(${hex(groupOf(tag), 4)},${hex(elementOf(tag), 4)})`
}

/** PS3.5 §7.8: the elements (gggg,0010-00FF) of an odd group name the creators of that group's blocks. */
export function isPrivateCreator(tag: number): boolean {
  const element = elementOf(tag)
  return groupOf(tag) % 2 === 1 && element >= 0x10 && element <= 0xff
}

/**
 * The VR of PS3.6 for a tag, as dcmjs' dictionary has it: 'xs' is US or SS, 'ox' is OB or OW, 'lt' is US or OW.
 * 'UN' where the tag is not in it.
 */
export function vrOfTag(tag: number): string {
  if (elementOf(tag) === 0) return 'UL'
  const known = vrIndex().get(tag)
  if (known !== undefined) return known
  const repeating = groupOf(tag) % 2 === 0 ? repeatingGroupEntry(tag) : undefined
  return repeating?.vr ?? 'UN'
}

let vrs: ReadonlyMap<number, string> | undefined

function vrIndex(): ReadonlyMap<number, string> {
  if (vrs) return vrs
  const index = new Map<number, string>()
  for (const { value, vr = 'UN' } of ordinaryEntries()) index.set(value, vr)
  vrs = index
  return index
}

/** The entries of one tag, not those of repeating groups or of private creators, with the tag's value. */
function* ordinaryEntries() {
  for (const entry of Object.values(dictionary)) {
    const [, group, element] = entry.tag.match(/^\(([\dA-F]{4}),([\dA-F]{4})\)$/) ?? []
    if (group && element) yield { ...entry, value: Number.parseInt(group + element, 16) }
  }
}

/** The VR that dcmjs' dictionary knows for a creator's element `ee`; 'UN' where it does not. */
export function vrOfPrivateTag(group: number, element: number, creator: string): string {
  const key = `(${hex(group, 4).toLowerCase()},"${creator}",${hex(element, 2).toLowerCase()})`
  return dictionary[key]?.vr ?? 'UN'
}

/** Curves and overlays: PS3.6 writes their groups as (50xx,eeee) and (60xx,eeee). */
function repeatingGroupEntry(tag: number) {
  const first = groupOf(tag) & 0xff00
  if (first !== 0x5000 && first !== 0x6000) return undefined
  return dictionary[`(${hex(first, 4)}-${hex(first + 0xff, 4)},${hex(elementOf(tag), 4)})`]
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0')
}

let keywords: ReadonlyMap<string, number> | undefined

/** PS3.6 keywords with a tag of their own: not those of repeating groups, and none outside datasets. */
function keywordIndex(): ReadonlyMap<string, number> {
  if (keywords) return keywords
  const current = new Map<string, number>()
  const retired = new Map<string, number>()
  for (const { value, name, version } of ordinaryEntries()) {
    if (groupOf(value) < 0x0008 || name === undefined || version === undefined) continue
    if (version === 'DICOM/retired') retired.set(name.replace('RETIRED_', ''), value)
    else current.set(name, value)
  }
  keywords = new Map([...retired, ...current])
  return keywords
}

export function tagOfKeyword(keyword: string): number | undefined {
  return keywordIndex().get(keyword)
}

/** The dictionary's keywords nearest to what was written, closest first: for "did you mean". */
export function closestKeywords(written: string): string[] {
  return closest(written, keywordIndex().keys())
}

/** Every keyword that a rule may ask for. */
export function allKeywords(): string[] {
  return [...keywordIndex().keys()]
}
