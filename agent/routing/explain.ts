import type { Lookup } from '../dicom/index.ts'
import type { AssociationFacts, DatasetFacts } from './facts.ts'
import type { Condition, RuleSet } from './rule-set.ts'
import { every, type Truth } from './truth.ts'
import { type Verdict, verdict } from './verdict.ts'

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

/** Why the rules say what `verdict` does. */
export function explain(ruleSet: RuleSet, association: AssociationFacts, dataset: DatasetFacts): Explanation {
  const outcome = verdict(ruleSet, association, dataset)
  const notYet = dataset === 'never' ? 'never' : 'not yet'
  const rulesWith = (known: DatasetFacts) => upToDecided(ruleSet, association, known)
  if (outcome.path === 'direct') return { ...outcome, rules: rulesWith(notYet) }
  const waitedFor = rulesWith(notYet).at(-1)?.rule
  return { ...outcome, ...(waitedFor !== undefined && { waitedFor }), rules: rulesWith(dataset) }
}

function upToDecided(
  ruleSet: RuleSet,
  association: AssociationFacts,
  dataset: DatasetFacts,
): ExplainedRule[] {
  const explained: ExplainedRule[] = []
  for (const { name, file, line, conditions: compiled } of ruleSet.rules) {
    const conditions = compiled.map(condition => observed(condition, ruleSet, association, dataset))
    const truth = every(conditions, condition => condition.truth)
    explained.push({ rule: name, file, line, truth, conditions })
    if (truth !== false) break
  }
  return explained
}

/** Tests a condition on facts that take down which of them are asked for, so that any kind of condition can be told. */
function observed(
  { text, test }: Condition,
  { paths }: RuleSet,
  association: AssociationFacts,
  dataset: DatasetFacts,
): ExplainedCondition {
  const found = new Map<string, Found>()
  const watchedAssociation = new Proxy(association, {
    get(facts, name: keyof AssociationFacts) {
      found.set(name, { name, ...factFound(facts[name]) })
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
      if (path) found.set(path.text, { name: path.text, ...lookupFound(lookup) })
      return lookup
    },
  })
  const truth = test(watchedAssociation, watchedDataset)
  return { text, truth, found: [...found.values()] }
}

const lookupsOf = { 'not yet': { state: 'unknown' }, never: { state: 'absent' } } as const

function lookupFound(lookup: Lookup): Omit<Found, 'name'> {
  return lookup.state === 'present' ? { state: 'present', values: lookup.values } : { state: lookup.state }
}

function factFound(fact: AssociationFacts[keyof AssociationFacts]): Omit<Found, 'name'> {
  if (typeof fact === 'number') return { state: 'present', values: [new Date(fact).toISOString()] }
  if (typeof fact === 'object' && 'state' in fact) return lookupFound(fact)
  const values = [fact].flat().flatMap(value => value || [])
  return values.length > 0 ? { state: 'present', values } : { state: 'not given' }
}
