import { stringify } from 'yaml'
import type { Report } from '../errors.ts'
import type { Paths } from '../paths.ts'
import type { Condition } from '../rule-set.ts'
import type { ConditionSource, TimeSource, WhenSource } from '../schema.ts'
import { every, negate, some } from '../truth.ts'
import { compileTest } from './operators.ts'
import { subjectOf } from './subjects.ts'
import { compileTime } from './time-window.ts'

/** The conditions of a `when`, all of which must hold. */
export function compileWhen(source: WhenSource, paths: Paths, report: Report): Condition[] {
  const { all = [], any, not, time, ...subjects } = source
  const below = (...steps: (string | number)[]): Report => {
    return (path, message, at) => report([...steps, ...path], message, at)
  }
  const conditions: (Condition | undefined)[] = Object.entries(subjects).map(([key, value]) =>
    compileSubject(key, value as ConditionSource, paths, below(key)),
  )
  if (time) conditions.push(compileTimeCondition(time, below('time')))
  for (const [index, inner] of all.entries()) {
    conditions.push(...compileWhen(inner, paths, below('all', index)))
  }
  if (any) {
    conditions.push(
      anyOf(any.map((inner, index) => conjunction(compileWhen(inner, paths, below('any', index))))),
    )
  }
  if (not) conditions.push(negation(conjunction(compileWhen(not, paths, below('not')))))
  return conditions.filter(condition => condition !== undefined)
}

function compileSubject(
  key: string,
  source: ConditionSource,
  paths: Paths,
  report: Report,
): Condition | undefined {
  const subject = subjectOf(key, paths, report)
  if (!subject) return undefined
  const holds = compileTest(subject, source, report)
  const isDear = typeof source === 'object' && 'matches' in source
  return {
    get text() {
      return textOf(key, source)
    },
    id: JSON.stringify([key, source]),
    cost: isDear ? 10 : 1,
    test: (association, dataset) => holds(subject.look(association, dataset)),
    needs: holds.needs && { name: key, look: subject.look, value: holds.needs },
  }
}

function compileTimeCondition(source: TimeSource, report: Report): Condition {
  const contains = compileTime(source, report)
  return {
    get text() {
      return textOf('time', source)
    },
    id: JSON.stringify(['time', source]),
    // the last of all, so that it is asked for only where it matters
    cost: Number.POSITIVE_INFINITY,
    test: ({ at }) => contains(at),
  }
}

function textOf(key: string, source: ConditionSource | TimeSource): string {
  if (typeof source === 'object' && !Array.isArray(source) && 'not' in source) {
    const { not, ...rest } = source
    if (not !== undefined && Object.keys(rest).length === 0) return `not ${textOf(key, not)}`
  }
  const flow = { collectionStyle: 'flow', flowCollectionPadding: false, lineWidth: 0 } as const
  return `${key}: ${stringify(source, flow).trim()}`
}

function conjunction(conditions: readonly Condition[]): Condition {
  const [only] = conditions
  if (only && conditions.length === 1) return only
  const ordered = cheapFirst(conditions)
  return {
    get text() {
      return `(${conditions.map(({ text }) => text).join(' and ')})`
    },
    id: combinedId('and', conditions),
    cost: costOf(conditions),
    test: (association, dataset) => every(ordered, ({ test }) => test(association, dataset)),
  }
}

function anyOf(conditions: readonly Condition[]): Condition {
  const ordered = cheapFirst(conditions)
  return {
    get text() {
      return `(${conditions.map(({ text }) => text).join(' or ')})`
    },
    id: combinedId('or', conditions),
    cost: costOf(conditions),
    test: (association, dataset) => some(ordered, ({ test }) => test(association, dataset)),
  }
}

function negation(condition: Condition): Condition {
  return {
    get text() {
      return `not ${condition.text}`
    },
    id: combinedId('not', [condition]),
    cost: condition.cost,
    test: (association, dataset) => negate(condition.test(association, dataset)),
  }
}

function combinedId(how: string, conditions: readonly Condition[]): string {
  return `${how}(${conditions.map(({ id }) => id).join()})`
}

function costOf(conditions: readonly Condition[]): number {
  return conditions.reduce((sum, { cost }) => sum + cost, 0)
}

/** In whatever order they are tested, the result is the same. */
export function cheapFirst(conditions: readonly Condition[]): Condition[] {
  return conditions.toSorted((a, b) => (a.cost === b.cost ? 0 : a.cost - b.cost))
}
