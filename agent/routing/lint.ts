import type { RuleProblem } from './errors.ts'
import { implies, isAlwaysTrue, isDisjoint } from './overlap.ts'
import type { WrittenRule } from './written.ts'

/** The path that associations take which a rule decides, and why. */
export interface RulePath {
  rule: string
  file: string
  line: number
  path: 'direct' | 'delayed' | 'direct or delayed' | 'never'
  why: string
}

export interface Lint {
  paths: readonly RulePath[]
  warnings: readonly RuleProblem[]
}

/** A rule, and what a look at it alone tells. */
interface Looked {
  rule: WrittenRule
  /** the attributes that its conditions look at */
  attributes: readonly string[]
  /** ... and those that it sticks to */
  stickAttributes: readonly string[]
  /** the keys of its conditions on the association, but for those that are always true */
  guards: readonly string[]
  matchesAll: boolean
  /** the earlier rule that leaves nothing to it */
  hiddenBy: WrittenRule | undefined
}

/** What can be said of the rules without any facts. `attributes` are all that the rule set asks for. */
export function lint(rules: readonly WrittenRule[], attributes: readonly string[]): Lint {
  const looked: Looked[] = []
  for (const rule of rules) looked.push(look(rule, new Set(attributes), looked))
  return {
    paths: looked.map((one, index) => pathOf(one, looked.slice(0, index))),
    warnings: [...looked.flatMap(reachability), ...looked.flatMap(delays)],
  }
}

function look(rule: WrittenRule, attributes: ReadonlySet<string>, before: readonly Looked[]): Looked {
  const conditions = Object.entries(rule.when)
  const wanted = new Set(conditions.flatMap(([key, condition]) => attributesIn(key, condition, attributes)))
  const open = conditions.filter(([key, condition]) => !isAlwaysTrue(key, condition))
  return {
    rule,
    attributes: [...wanted],
    stickAttributes: rule.stick.filter(key => attributes.has(key)),
    guards: open
      .filter(([key, condition]) => attributesIn(key, condition, attributes).length === 0)
      .map(([key]) => key),
    matchesAll: open.length === 0,
    hiddenBy: before.find(earlier => isCovered(rule, earlier.rule))?.rule,
  }
}

/** A condition's own key, or what stands below it where it combines others. */
function attributesIn(key: string, condition: unknown, attributes: ReadonlySet<string>): string[] {
  if (attributes.has(key)) return [key]
  if (typeof condition !== 'object' || condition === null) return []
  return Object.entries(condition).flatMap(([below, value]) => attributesIn(below, value, attributes))
}

/** Whether every condition of `earlier` is true wherever those of `rule` are. */
function isCovered(rule: WrittenRule, earlier: WrittenRule): boolean {
  return Object.entries(earlier.when).every(
    ([key, condition]) => isAlwaysTrue(key, condition) || implies(key, rule.when[key], condition),
  )
}

function pathOf(
  { rule, attributes, stickAttributes, hiddenBy }: Looked,
  before: readonly Looked[],
): RulePath {
  const { file, line } = rule.problem([], '')
  const told = (path: RulePath['path'], why: string): RulePath => {
    const refusal = rule.reject && path !== 'never' ? `; refuses with ${refusals[path]}` : ''
    return { rule: rule.name, file, line, path, why: why + refusal }
  }
  if (hiddenBy) return told('never', `${nameOf(hiddenBy)} comes first`)
  if (attributes.length > 0) return told('delayed', `needs ${attributes.join(', ')}`)

  const asking = before.filter(earlier => asksBefore(earlier, rule))
  const first = asking.find(({ guards, rule: earlier }) =>
    guards.every(key => implies(key, rule.when[key], earlier.when[key])),
  )
  if (first) return told('delayed', `${nameOf(first.rule)} before it needs ${first.attributes.join(', ')}`)
  if (stickAttributes.length > 0) return told('delayed', `sticks to ${stickAttributes.join(', ')}`)
  const [perhaps] = asking
  if (!perhaps) return told('direct', 'needs no tags')
  const needs = `${nameOf(perhaps.rule)} before it needs ${perhaps.attributes.join(', ')}`
  const guards = perhaps.guards.join(' and ')
  return told(
    'direct or delayed',
    `${needs} where ${guards} ${perhaps.guards.length === 1 ? 'matches' : 'match'}`,
  )
}

const refusals = {
  direct: 'an A-ASSOCIATE-RJ',
  delayed: 'an A-ABORT',
  'direct or delayed': 'an A-ASSOCIATE-RJ or an A-ABORT',
}

/** Whether `earlier` may keep an association waiting for its dataset that `rule` decides in the end. */
function asksBefore({ rule: earlier, attributes, hiddenBy }: Looked, rule: WrittenRule): boolean {
  if (attributes.length === 0 || hiddenBy) return false
  return !Object.keys(rule.when).some(key => isDisjoint(key, rule.when[key], earlier.when[key]))
}

function reachability(
  { rule, matchesAll, hiddenBy }: Looked,
  _: number,
  all: readonly Looked[],
): RuleProblem[] {
  if (hiddenBy) {
    const hidesAll = all.some(({ rule: earlier, matchesAll }) => earlier === hiddenBy && matchesAll)
    const why = hidesAll ? 'matches everything' : 'matches all that this one does'
    return [rule.problem(['name'], `can never be reached: ${placed(hiddenBy)} comes first and ${why}`)]
  }
  if (!matchesAll || rule.isDefault) return []
  return [rule.problem(['name'], 'is always true: give it conditions, or make it the default')]
}

/** A rule that asks every association for its dataset, though rules behind it could do without. */
function delays(
  { rule, attributes, guards, hiddenBy }: Looked,
  index: number,
  all: readonly Looked[],
): RuleProblem[] {
  const isFirst = !all
    .slice(0, index)
    .some(earlier => earlier.attributes.length > 0 && earlier.guards.length === 0)
  if (!isFirst || attributes.length === 0 || guards.length > 0 || hiddenBy) return []
  const waiting = all
    .slice(index + 1)
    .filter(later => later.attributes.length + later.stickAttributes.length === 0)
    .filter(later => !later.matchesAll && !later.hiddenBy)
    .map(later => placed(later.rule))
  if (waiting.length === 0) return []
  const [need, put] = waiting.length === 1 ? ['needs', 'it'] : ['need', 'them']
  const wait = `makes every association wait for ${attributes.join(', ')}`
  const message = `${wait}, though ${waiting.join(', ')} ${need} no tags: put ${put} first`
  return [rule.problem(['name'], message)]
}

function nameOf({ name, isDefault }: WrittenRule): string {
  return isDefault ? 'the default' : `rule ${JSON.stringify(name)}`
}

function placed(rule: WrittenRule): string {
  const { file, line } = rule.problem([], '')
  return `${nameOf(rule)} (${file}:${line})`
}
