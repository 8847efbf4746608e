import { groupOf, tagOf, vrOfPrivateTag, vrOfTag } from './dictionary.ts'
import type { DicomError } from './errors.ts'
import type { TagPath, TagStep } from './tag-path.ts'

/** What became of one path. */
export type Lookup =
  | { state: 'present'; values: readonly string[] }
  | { state: 'absent' }
  /** `malformed` says why, where it is not that the bytes ended. */
  | { state: 'unknown'; malformed?: DicomError }

/** A node of the tree that the wanted paths make: all paths that begin alike share it. */
export interface Want {
  step: TagStep
  /** The dictionary's VR, for datasets that do not say. */
  vr: string
  /** Indices of the paths that end here. */
  paths: number[]
  children: Want[]
  /** What was collected so far, over all items; undefined as long as the element was not met. */
  values: string[] | undefined
  malformed: DicomError | undefined
}

export function wantsOf(paths: readonly TagPath[]): Want[] {
  const roots: Want[] = []
  paths.forEach((path, index) => {
    let level = roots
    let want: Want | undefined
    for (const step of path.steps) {
      want = level.find(candidate => sameStep(candidate.step, step))
      if (!want) {
        want = { step, vr: vrOfStep(step), paths: [], children: [], values: undefined, malformed: undefined }
        level.push(want)
      }
      level = want.children
    }
    want?.paths.push(index)
  })
  return roots
}

function sameStep(a: TagStep, b: TagStep): boolean {
  if (a.tag !== undefined || b.tag !== undefined) return a.tag === b.tag
  return a.group === b.group && a.element === b.element && a.creator === b.creator
}

function vrOfStep(step: TagStep): string {
  if (step.tag !== undefined) return vrOfTag(step.tag)
  return vrOfPrivateTag(step.group, step.element, step.creator)
}

/** The dictionary's VR of the element that a path ends at: see `vrOfTag`. */
export function vrOfPath({ steps }: TagPath): string {
  const last = steps.at(-1)
  return last === undefined ? 'UN' : vrOfStep(last)
}

export function collect(want: Want, values: readonly string[]): void {
  want.values ??= []
  for (const value of values) want.values.push(value)
}

/** Writes the lookups of a want and all below it, once nothing more can be collected. */
export function settle(want: Want, results: Lookup[]): void {
  for (const path of want.paths) {
    if (want.malformed) results[path] = { state: 'unknown', malformed: want.malformed }
    else if (want.values) results[path] = { state: 'present', values: want.values }
    else results[path] = { state: 'absent' }
  }
  for (const child of want.children) settle(child, results)
}

/** One want within one dataset or item: `open` until the element was read, or can no longer come. */
export interface Slot {
  want: Want
  /** Where it may stand: one tag, or none or several for a private creator's element. */
  tags: number[]
  /** A greater tag in order means that it is not there. */
  ceiling: number
  state: 'open' | 'read' | 'passed'
}

export function slotOf(want: Want): Slot {
  const { step } = want
  if (step.tag !== undefined) return { want, tags: [step.tag], ceiling: step.tag, state: 'open' }
  return { want, tags: [], ceiling: tagOf(step.group, 0xff), state: 'open' }
}

/** PS3.5 §7.8.1: (gggg,00bb) holding a creator reserves the elements (gggg,bb00-bbFF) for it. */
export function reserveBlock(slots: readonly Slot[], creatorTag: number, creator: string): void {
  for (const slot of slots) {
    const { step } = slot.want
    if (step.tag !== undefined || step.group !== groupOf(creatorTag) || step.creator !== creator) continue
    const tag = tagOf(step.group, (creatorTag % 0x100) * 0x100 + step.element)
    slot.tags.push(tag)
    slot.ceiling = tag
  }
}
