import { closestKeywords, groupOf, tagOf, tagOfKeyword } from './dictionary.ts'
import { TagPathError } from './errors.ts'

/** One element on the way: a standard tag, or a private creator's element wherever its block happens to lie. */
export type TagStep =
  | { tag: number; group?: undefined }
  | { tag?: undefined; group: number; element: number; creator: string }

/** An element of a dataset: all steps but the last are sequences. */
export interface TagPath {
  text: string
  steps: readonly TagStep[]
}

const maxSteps = 16
const firstDatasetGroup = 0x0008

/**
 * Reads a path to an element, steps joined by dots: `Modality`, `(0008,0060)`, `(0019,xx10 SIEMENS MR HEADER)` for
 * element 10 of the block that this private creator has reserved, and any mix of them as in
 * `RequestAttributesSequence.(0040,0009)`. Throws `TagPathError`.
 */
export function parseTagPath(text: string): TagPath {
  const steps: TagStep[] = []
  let offset = 0
  while (offset <= text.length) {
    const end = endOfStep(text, offset)
    const step = text.slice(offset, end)
    steps.push(step.startsWith('(') ? parseTag(text, step, offset) : parseKeyword(text, step, offset))
    if (steps.length > maxSteps) {
      throw new TagPathError(text, offset, `"${text}" goes deeper than ${maxSteps} steps`)
    }
    offset = end + 1
  }
  return { text, steps }
}

/** A dot ends a step, but not within the parentheses, since creators' names hold dots. */
function endOfStep(text: string, start: number): number {
  let end = start
  if (text[start] === '(') {
    const closing = text.indexOf(').', start)
    end = closing === -1 ? text.length : closing
  }
  const dot = text.indexOf('.', end)
  return dot === -1 ? text.length : dot
}

/** Without its parentheses. */
const bareTag = /^([\da-f]{4}),?([\da-f]{4})$/i

function parseKeyword(text: string, keyword: string, offset: number): TagStep {
  if (keyword === '') throw new TagPathError(text, offset, `"${text}" has an empty step`)
  const tag = tagOfKeyword(keyword)
  if (tag === undefined) {
    const [, group, element] = keyword.match(bareTag) ?? []
    const near = group === undefined ? closestKeywords(keyword) : [`"(${group},${element})"`]
    throw new TagPathError(text, offset, `"${keyword}" is not a DICOM keyword`, near)
  }
  return { tag }
}

/** `(gggg,eeee)` or `(gggg,xxee CREATOR)`. */
function parseTag(text: string, step: string, offset: number): TagStep {
  const group = parseHex(step.slice(1, 5))
  const creator = step.slice(11, -1)
  const wellFormed = step.length >= 11 && step[5] === ',' && step.endsWith(')')
  if (!wellFormed || group === undefined) throw malformed(text, step, offset)
  checkGroup(text, group, offset)

  if (step.slice(6, 8) === 'xx' && step[10] === ' ') {
    const element = parseHex(step.slice(8, 10))
    if (element === undefined || creator.trim() === '') throw malformed(text, step, offset)
    if (group % 2 === 0) {
      throw new TagPathError(text, offset, `"${step}" names a private creator, but its group is even`)
    }
    return { group, element, creator: creator.trim() }
  }
  const element = parseHex(step.slice(6, 10))
  if (element === undefined || step.length !== 11) throw malformed(text, step, offset)
  return { tag: tagOf(group, element) }
}

function malformed(text: string, step: string, offset: number): TagPathError {
  return new TagPathError(text, offset, `"${step}" is neither (gggg,eeee) nor (gggg,xxee CREATOR)`)
}

/** Groups 0000 to 0007 are commands, files and directories: none of them crosses the network in a dataset. */
function checkGroup(text: string, group: number, offset: number): void {
  if (group < firstDatasetGroup || group === groupOf(0xfffee000)) {
    const name = group.toString(16).padStart(4, '0').toUpperCase()
    throw new TagPathError(text, offset, `group ${name} is not part of the datasets that are sent`)
  }
}

function parseHex(digits: string): number | undefined {
  for (const digit of digits) if (!'0123456789abcdefABCDEF'.includes(digit)) return undefined
  return digits === '' ? undefined : Number.parseInt(digits, 16)
}
