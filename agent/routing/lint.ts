import type { RuleProblem } from './errors.ts'
import { implies, isAlwaysTrue, isDisjoint, type WrittenCondition } from './overlap.ts'
import { subjectsIn } from './schema.ts'
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
  /** the attributes that its conditions look at, and the first command */
  attributes: readonly string[]
  /** some of its conditions are on attributes alone: the dataset must be there for it to match */
  needsDataset: boolean
  /** some are on attributes and facts at once: these may do without */
  mayDoWithout: boolean
  /** the attributes that it sticks to */
  stickAttributes: readonly string[]
  /** its conditions on the association, but for those that are always true */
  guards: readonly WrittenCondition[]
  matchesAll: boolean
  /** the earlier rule that leaves nothing to it */
  hiddenBy: WrittenRule | undefined
}

/** A fact that is not known yet where storage and something else are proposed. */
const firstCommand = 'dimse'

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
  const open = rule.conditions.filter(condition => !isAlwaysTrue(condition))
  const subjects = open.map(({ key, condition }) => subjectsIn(key, condition))
  const waitsFor = (key: string) => attributes.has(key) || key === firstCommand
  const asking = subjects.filter(all => all.some(waitsFor))
  return {
    rule,
    attributes: [...new Set(asking.flat())].filter(waitsFor),
    needsDataset: asking.some(all => all.every(key => attributes.has(key))),
    mayDoWithout: asking.some(all => !all.every(key => attributes.has(key))),
    stickAttributes: rule.stick.filter(key => attributes.has(key)),
    guards: open.filter((_, index) => !subjects[index]?.some(waitsFor)),
    matchesAll: open.length === 0,
    hiddenBy: before.find(earlier => isCovered(rule, earlier.rule.conditions))?.rule,
  }
}

/** Whether each of these conditions is true wherever those of `rule` are. */
function isCovered(rule: WrittenRule, conditions: readonly WrittenCondition[]): boolean {
  return conditions.every(
    condition => isAlwaysTrue(condition) || rule.conditions.some(own => implies(own, condition)),
  )
}

function pathOf(one: Looked, before: readonly Looked[]): RulePath {
  const { rule, attributes, needsDataset, stickAttributes, hiddenBy } = one
  const { file, line } = rule.problem([], '')
  const told = (path: RulePath['path'], why: string): RulePath => {
    const refusal = rule.reject && path !== 'never' ? `; refuses with ${refusals[path]}` : ''
    return { rule: rule.name, file, line, path, why: why + refusal }
  }
  if (hiddenBy) return told('never', `${nameOf(hiddenBy)} comes first`)
  if (needsDataset) return told('delayed', `needs ${attributes.join(', ')}`)

  const asking = before.filter(earlier => asksBefore(earlier, rule))
  const first = asking.find(earlier => !earlier.mayDoWithout && isCovered(rule, earlier.guards))
  if (first) return told('delayed', `${nameOf(first.rule)} before it needs ${first.attributes.join(', ')}`)
  if (stickAttributes.length > 0) return told('delayed', `sticks to ${stickAttributes.join(', ')}`)
  if (attributes.length > 0) return told('direct or delayed', `may need ${attributes.join(', ')}`)
  const [perhaps] = asking
  if (!perhaps) return told('direct', 'needs no tags')
  return told(
    'direct or delayed',
    `${nameOf(perhaps.rule)} before it may need ${perhaps.attributes.join(', ')}`,
  )
}

const refusals = {
  direct: 'an A-ASSOCIATE-RJ',
  delayed: 'an A-ABORT, later instances with a C-STORE-RSP',
  'direct or delayed': 'an A-ASSOCIATE-RJ or an A-ABORT, later instances with a C-STORE-RSP',
}

/** Whether `earlier` may keep an association waiting for its dataset that `rule` decides in the end. */
function asksBefore({ rule: earlier, attributes, hiddenBy }: Looked, rule: WrittenRule): boolean {
  if (attributes.length === 0 || hiddenBy) return false
  return !rule.conditions.some(own => earlier.conditions.some(other => isDisjoint(own, other)))
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
function delays(one: Looked, index: number, all: readonly Looked[]): RuleProblem[] {
  if (!delaysAll(one) || all.slice(0, index).some(delaysAll)) return []
  const waiting = all
    .slice(index + 1)
    .filter(later => later.attributes.length + later.stickAttributes.length === 0)
    .filter(later => !later.matchesAll && !later.hiddenBy)
    .map(later => placed(later.rule))
  if (waiting.length === 0) return []
  const [need, put] = waiting.length === 1 ? ['needs', 'it'] : ['need', 'them']
  const wait = `makes every association wait for ${one.attributes.join(', ')}`
  const message = `${wait}, though ${waiting.join(', ')} ${need} no tags: put ${put} first`
  return [one.rule.problem(['name'], message)]
}

function delaysAll({ attributes, mayDoWithout, guards, hiddenBy }: Looked): boolean {
  return attributes.length > 0 && !mayDoWithout && guards.length === 0 && !hiddenBy
}

function nameOf({ name, isDefault }: WrittenRule): string {
  return isDefault ? 'the default' : `rule ${JSON.stringify(name)}`
}

function placed(rule: WrittenRule): string {
  const { file, line } = rule.problem([], '')
  return `${nameOf(rule)} (${file}:${line})`
}
