import type { ZodType } from 'zod'
import { beyondBounds, compileWhen } from './conditions/index.ts'
import type { Report, RuleProblem } from './errors.ts'
import { undecidedRuleName } from './evaluate.ts'
import { indexed } from './index-of-rules.ts'
import { mended } from './mend.ts'
import { compileOutcome } from './outcome.ts'
import { Paths } from './paths.ts'
import { compilePool } from './pool.ts'
import type { Mixed, Pool, RouteOutcome, Rule, RuleSet } from './rule-set.ts'
import {
  backend,
  defaultSource,
  mixedSource,
  partOfRule,
  poolSource,
  type RuleFile,
  type RuleSource,
  ruleFile,
  ruleSource,
  subjectsIn,
  undecidedSource,
} from './schema.ts'
import { shaped } from './shape.ts'
import type { Slices } from './slices.ts'
import type { Path, SourceFile } from './source-file.ts'

const defaultRuleName = 'default'

/** Compiles what the rule files say, in their order; what is wrong with it goes to `problems`. */
export function* compile(files: readonly SourceFile[], problems: RuleProblem[]): Slices<RuleSet> {
  const paths = new Paths()
  const rules: Rule[] = []
  const pools = new Map<string, Pool>()
  const names = new Set<string>([defaultRuleName, undecidedRuleName])
  let defaultRule: Rule | undefined
  let usesSource = false

  const opened = files.flatMap(file => open(file, problems) ?? [])
  const mixed = compileMixed(opened)
  for (const { content, read, reportAt, placeOf } of opened) {
    for (const [name, value] of Object.entries(content.pools)) {
      const path = ['pools', name]
      const report = reportAt(path)
      const source = read(poolSource, value, path)
      const wrong = backend.safeParse(name).error?.issues[0]
      if (wrong) report([], `"${name}" ${wrong.message}`, 'key')
      if (pools.has(name)) report([], `pool ${name} is declared in another file already`, 'key')
      if (source) pools.set(name, compilePool(source, report))
    }
    for (const [index, value] of content.rules.entries()) {
      // no YAML
      if (value === undefined) continue
      const path = ['rules', index]
      const report = reportAt(path)
      const tooMuch = beyondBounds(value)
      if (tooMuch !== undefined) report([], tooMuch)
      const source =
        tooMuch === undefined ? read(ruleSource, mendedRule(value, report), path, partOfRule) : undefined
      if (!source) continue
      if (names.has(source.name)) {
        report(['name'], `${ownerOf(source.name)} has this name: choose another`)
      }
      if (source.name !== '') names.add(source.name)
      // of a rule that is off, nothing is looked up
      const rule = compileRule(source, mixed, source.enabled ? paths : new Paths(), report)
      if (source.enabled) {
        rules.push({ ...rule, ...placeOf(path) })
        usesSource ||= subjectsIn('all', source.when).includes('source')
      }
      yield
    }
    if (content.default !== undefined) {
      const report = reportAt(['default'])
      const source = read(defaultSource, content.default, ['default'])
      if (defaultRule) report([], 'another file has a default already', 'key')
      if (source) {
        defaultRule = {
          name: defaultRuleName,
          ...placeOf(['default']),
          conditions: [],
          outcome: compileOutcome(source, mixed, paths, report),
        }
      }
    }
  }
  if (defaultRule) rules.push(defaultRule)
  return {
    rules,
    open: indexed(rules),
    undecided: compileUndecided(opened, mixed),
    pools,
    paths: paths.all,
    deciding: paths.deciding,
    usesSource,
  }
}

/** A rule file that has the right sections, and how they are read and reported on. */
interface Opened {
  content: RuleFile
  read: <T>(schema: ZodType<T>, value: unknown, path: Path, partSchema?: ZodType<T>) => T | undefined
  reportAt: (base: Path) => Report
  placeOf: (path: Path) => Pick<Rule, 'file' | 'line'>
}

function open(file: SourceFile, problems: RuleProblem[]): Opened | undefined {
  const content = shaped(ruleFile, file.data, [], file, problems)
  if (!content) return undefined
  return {
    content,
    read: (schema, value, path, partSchema) => shaped(schema, value, path, file, problems, partSchema),
    reportAt: base => (path, message, at) => problems.push(file.problem([...base, ...path], message, at)),
    placeOf: path => file.placeOf(path),
  }
}

function mendedRule(rule: unknown, report: Report): unknown {
  const { when } = Object(rule)
  if (when === undefined) return rule
  return {
    ...Object(rule),
    when: mended(when, (path, message, at) => report(['when', ...path], message, at)),
  }
}

function ownerOf(name: string): string {
  if (name === defaultRuleName) return 'the default'
  return name === undecidedRuleName ? 'what `undecided:` says' : 'another rule'
}

/** What holds for every rule that says nothing else, in whatever file. */
function compileMixed(opened: readonly Opened[]): Mixed {
  return setOnce(opened, 'mixed', mixedSource) ?? 'refuse'
}

function compileUndecided(opened: readonly Opened[], mixed: Mixed): RouteOutcome | undefined {
  const pool = setOnce(opened, 'undecided', undecidedSource) ?? 'refuse'
  return pool === 'refuse' ? undefined : { route: { pools: [pool] }, mixed }
}

/** What one of the files sets for all of them. */
function setOnce<T>(
  opened: readonly Opened[],
  key: 'mixed' | 'undecided',
  schema: ZodType<T>,
): T | undefined {
  const setting = opened.filter(({ content }) => content[key] !== undefined)
  for (const { reportAt } of setting.slice(1)) reportAt([key])([], `another file sets ${key} already`, 'key')
  const [value] = setting.map(({ content, read }) => read(schema, content[key], [key]))
  return value
}

function compileRule(
  source: RuleSource,
  mixed: Mixed,
  paths: Paths,
  report: Report,
): Omit<Rule, 'file' | 'line'> {
  const { name, description, when } = source
  return {
    name,
    description: description?.trim(),
    conditions: compileWhen(when, paths, (path, message, at) => report(['when', ...path], message, at)),
    outcome: compileOutcome(source, mixed, paths, report),
  }
}
