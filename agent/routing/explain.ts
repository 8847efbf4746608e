import type { Lookup } from '../dicom/index.ts'
import type { AssociationFacts, DatasetFacts } from './facts.ts'
import type { Condition, RuleSet } from './rule-set.ts'
import type { Truth } from './truth.ts'
import { type Verdict, verdict } from './verdict.ts'
import type { WrittenRule } from './written.ts'

/** What a condition looked at. `values` only where it is known, and there. */
export interface Found {
  name: string
  state: Lookup['state'] | 'not given'
  values?: readonly string[]
}

export interface ExplainedCondition {
  /** as it is written */
  text: string
  truth: Truth
  found: readonly Found[]
}

export interface ExplainedRule {
  rule: string
  file: string
  line: number
  truth: Truth
  conditions: readonly ExplainedCondition[]
}

export interface Explanation extends Verdict {
  /** on the delayed path, the rule that could not be decided without the dataset */
  waitedFor?: string
  /** every rule up to the one that decided */
  rules: readonly ExplainedRule[]
}

/** Why the rules say what `verdict` does. `written` are the same rules as `ruleSet` has, in their order. */
export function explain(
  ruleSet: RuleSet,
  written: readonly WrittenRule[],
  association: AssociationFacts,
  dataset: DatasetFacts,
): Explanation {
  const outcome = verdict(ruleSet, association, dataset)
  const notYet = dataset === 'never' ? 'never' : 'not yet'
  const rulesWith = (known: DatasetFacts) => upToDecided(ruleSet, written, association, known)
  if (outcome.path === 'direct') return { ...outcome, rules: rulesWith(notYet) }
  const waitedFor = rulesWith(notYet).at(-1)?.rule
  return { ...outcome, ...(waitedFor !== undefined && { waitedFor }), rules: rulesWith(dataset) }
}

function upToDecided(
  ruleSet: RuleSet,
  written: readonly WrittenRule[],
  association: AssociationFacts,
  dataset: DatasetFacts,
): ExplainedRule[] {
  const explained: ExplainedRule[] = []
  for (const [index, { name, when, problem }] of written.entries()) {
    const texts = Object.entries(when).map(([key, values]) => `${key}: ${textOf(values)}`)
    const conditions = (ruleSet.rules[index]?.conditions ?? []).map((condition, at) => ({
      text: texts[at] ?? '',
      ...observed(condition, ruleSet, association, dataset),
    }))
    const { file, line } = problem([], '')
    const truth = all(conditions.map(condition => condition.truth))
    explained.push({ rule: name, file, line, truth, conditions })
    if (truth !== false) break
  }
  return explained
}

function textOf(values: unknown): string {
  return Array.isArray(values) && values.length === 1 ? String(values[0]) : JSON.stringify(values)
}

function all(truths: readonly Truth[]): Truth {
  if (truths.includes(false)) return false
  return truths.includes('unknown') ? 'unknown' : true
}

/** Tests a condition on facts that take down which of them are asked for, so that any kind of condition can be told. */
function observed(
  condition: Condition,
  { paths }: RuleSet,
  association: AssociationFacts,
  dataset: DatasetFacts,
): Omit<ExplainedCondition, 'text'> {
  const found = new Map<string, Found>()
  const watchedAssociation = new Proxy(association, {
    get(facts, name: keyof AssociationFacts) {
      const values = [facts[name]].flat().flatMap(value => value || [])
      found.set(name, {
        name,
        ...(values.length > 0 ? { state: 'present', values } : { state: 'not given' }),
      })
      return facts[name]
    },
  })
  const lookups = Array.isArray(dataset)
    ? dataset
    : paths.map((): Lookup => lookupsOf[dataset as keyof typeof lookupsOf])
  const watchedDataset = new Proxy(lookups, {
    get(all, index, receiver) {
      const path = typeof index === 'string' ? paths[Number(index)] : undefined
      const lookup: Lookup = Reflect.get(all, index, receiver)
      if (path) found.set(path.text, { name: path.text, state: lookup.state, ...valuesOf(lookup) })
      return lookup
    },
  })
  const truth = condition(watchedAssociation, watchedDataset)
  return { truth, found: [...found.values()] }
}

const lookupsOf = { 'not yet': { state: 'unknown' }, never: { state: 'absent' } } as const

function valuesOf(lookup: Lookup): Pick<Found, 'values'> {
  return lookup.state === 'present' ? { values: lookup.values } : {}
}
