import type { RuleProblem } from './errors.ts'
import { type WrittenCondition, writtenCondition } from './overlap.ts'
import { defaultSource, ruleSource, type WhenSource } from './schema.ts'
import type { Path, SourceFile } from './source-file.ts'

/** A rule as its file has it: for what is said about rules, rather than decided by them. */
export interface WrittenRule {
  name: string
  isDefault: boolean
  /** all must hold; what stands below `all` is listed, too */
  conditions: readonly WrittenCondition[]
  /** the backends that it may lead to, and where each of them is written; none if it rejects */
  pools: readonly { name: string; path: Path; at?: 'key' }[]
  reject: boolean
  stick: readonly string[]
  /** a problem at a path below the rule */
  problem(path: Path, message: string, at?: 'key'): RuleProblem
}

/** The rules of files that are right, in the order in which they are tried, the default last; none that is off. */
export function writtenRules(files: readonly SourceFile[]): WrittenRule[] {
  const sections = files.map(file => ({ file, ...(file.data as { rules?: unknown[]; default?: unknown }) }))
  const rules = sections.flatMap(({ file, rules = [] }) =>
    rules.flatMap((written, index) => {
      const { name, when, enabled, ...outcome } = ruleSource.parse(written)
      if (!enabled) return []
      const conditions = conditionsOf(when)
      return {
        name,
        isDefault: false,
        conditions,
        ...outcomeOf(outcome),
        problem: below(file, ['rules', index]),
      }
    }),
  )
  const defaults = sections.flatMap(({ file, default: written }) => {
    if (written === undefined) return []
    const outcome = outcomeOf(defaultSource.parse(written))
    return { name: 'default', isDefault: true, conditions: [], ...outcome, problem: below(file, ['default']) }
  })
  return [...rules, ...defaults]
}

function conditionsOf({ all = [], ...conditions }: WhenSource): WrittenCondition[] {
  const own = Object.entries(conditions).map(([key, condition]) => writtenCondition(key, condition))
  return [...own, ...all.flatMap(conditionsOf)]
}

/** The pool of `undecided:`, as one of a rule, where there is one. */
export function writtenUndecided(
  files: readonly SourceFile[],
): Pick<WrittenRule, 'pools' | 'stick' | 'problem'>[] {
  return files.flatMap(file => {
    const { undecided } = file.data as { undecided?: string }
    if (undecided === undefined || undecided === 'refuse') return []
    return { pools: [{ name: undecided, path: [] }], stick: [], problem: below(file, ['undecided']) }
  })
}

function below(file: SourceFile, base: Path): WrittenRule['problem'] {
  return (path, message, at) => file.problem([...base, ...path], message, at)
}

type Outcome = { route?: unknown; reject?: unknown; stick?: string | readonly string[] | undefined }

function outcomeOf({ route, reject, stick }: Outcome): Pick<WrittenRule, 'pools' | 'reject' | 'stick'> {
  const pools = [...poolsOf(route)]
  return { pools, reject: reject !== undefined, stick: stick === undefined ? [] : [stick].flat() }
}

/** One pool, a list in order, or a map of pools and their weights. */
function* poolsOf(route: unknown): Generator<WrittenRule['pools'][number]> {
  if (typeof route === 'string') yield { name: route, path: ['route'] }
  else if (Array.isArray(route))
    for (const [index, name] of route.entries()) yield { name, path: ['route', index] }
  else for (const name of Object.keys(Object(route))) yield { name, path: ['route', name], at: 'key' }
}
