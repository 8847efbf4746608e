import type { ZodType } from 'zod'
import { type RejectReason, rejectReasons, transferSyntaxes } from '../dicom/index.ts'
import { compileCondition, compileStick, Paths, type Report } from './conditions.ts'
import type { RuleProblem } from './errors.ts'
import type { Mixed, Outcome, Pool, Rule, RuleSet } from './rule-set.ts'
import {
  backend,
  defaultSource,
  mixedSource,
  type OutcomeSource,
  type PoolSource,
  poolSource,
  type RuleFile,
  type RuleSource,
  ruleFile,
  ruleSource,
} from './schema.ts'
import { shaped } from './shape.ts'
import type { Path, SourceFile } from './source-file.ts'

const defaultRuleName = 'default'

/** Compiles what the rule files say, in their order; what is wrong with it goes to `problems`. */
export function compile(files: readonly SourceFile[], problems: RuleProblem[]): RuleSet {
  const paths = new Paths()
  const rules: Rule[] = []
  const pools = new Map<string, Pool>()
  const names = new Set<string>([defaultRuleName])
  const keys = new Set<string>()
  let defaultRule: Rule | undefined

  const opened = files.flatMap(file => open(file, problems) ?? [])
  const mixed = compileMixed(opened)
  for (const { content, read, reportAt } of opened) {
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
      const path = ['rules', index]
      const report = reportAt(path)
      const source = read(ruleSource, value, path)
      if (!source) continue
      if (names.has(source.name)) {
        const taken = source.name === defaultRuleName ? 'the default' : 'another rule'
        report(['name'], `${taken} has this name: choose another`)
      }
      names.add(source.name)
      for (const key of Object.keys(source.when)) keys.add(key)
      rules.push(compileRule(source, mixed, paths, report))
    }
    if (content.default !== undefined) {
      const report = reportAt(['default'])
      const source = read(defaultSource, content.default, ['default'])
      if (defaultRule) report([], 'another file has a default already', 'key')
      if (source) {
        defaultRule = {
          name: defaultRuleName,
          conditions: [],
          outcome: compileOutcome(source, mixed, paths, report),
        }
      }
    }
  }
  return {
    rules: defaultRule ? [...rules, defaultRule] : rules,
    pools,
    paths: paths.all,
    deciding: paths.all.filter(({ text }) => keys.has(text)),
  }
}

/** A rule file that has the right sections, and how they are read and reported on. */
interface Opened {
  content: RuleFile
  read: <T>(schema: ZodType<T>, value: unknown, path: Path) => T | undefined
  reportAt: (base: Path) => Report
}

function open(file: SourceFile, problems: RuleProblem[]): Opened | undefined {
  const content = shaped(ruleFile, file.data, [], file, problems)
  if (!content) return undefined
  return {
    content,
    read: (schema, value, path) => shaped(schema, value, path, file, problems),
    reportAt: base => (path, message, at) => problems.push(file.problem([...base, ...path], message, at)),
  }
}

/** What holds for every rule that says nothing else, in whatever file. */
function compileMixed(opened: readonly Opened[]): Mixed {
  const setting = opened.filter(({ content }) => content.mixed !== undefined)
  for (const { reportAt } of setting.slice(1))
    reportAt(['mixed'])([], 'another file sets mixed already', 'key')
  const [mixed] = setting.map(({ content, read }) => read(mixedSource, content.mixed, ['mixed']))
  return mixed ?? 'refuse'
}

function compilePool(source: PoolSource, report: Report): Pool {
  const { calledAE } = source
  if (calledAE !== undefined && !isAETitle(calledAE)) {
    report(['calledAE'], `"${calledAE}" is no AE title: 1 to 16 characters of ASCII, without backslash`)
  }
  return {
    ...source,
    transferSyntaxes: source.transferSyntaxes?.map((text, index) => {
      const uid = transferSyntaxUid(text)
      if (uid === undefined)
        report(['transferSyntaxes', index], `unknown transfer syntax "${text}": use its UID`)
      return uid ?? text
    }),
  }
}

/** By UID, also a private one, or by its name in PS3.6. */
function transferSyntaxUid(text: string): string | undefined {
  if (/^\d+(\.\d+)+$/.test(text)) return text
  return Object.keys(transferSyntaxes).find(uid => transferSyntaxes[uid] === text)
}

/** PS3.5 §6.2, VR AE. */
function isAETitle(text: string): boolean {
  return /^[\x20-\x5b\x5d-\x7e]{1,16}$/.test(text) && text.trim() !== ''
}

function compileRule(source: RuleSource, mixed: Mixed, paths: Paths, report: Report): Rule {
  return {
    name: source.name,
    conditions: Object.entries(source.when).flatMap(([key, values]) => {
      const reportHere: Report = (path, message, at) => report(['when', key, ...path], message, at)
      return compileCondition(key, values, paths, reportHere) ?? []
    }),
    outcome: compileOutcome(source, mixed, paths, report),
  }
}

/** There is one of route and reject: the schema sees to it. */
function compileOutcome(source: OutcomeSource, mixed: Mixed, paths: Paths, report: Report): Outcome {
  if (source.reject === undefined) {
    const stick = source.stick === undefined ? undefined : compileStick(source.stick, paths, report)
    return { route: source.route ?? '', stick, mixed: source.mixed ?? mixed }
  }
  if (!isRejectReason(source.reject)) {
    report(['reject'], `unknown reason "${source.reject}": one of ${Object.keys(rejectReasons).join(', ')}`)
    return { reject: 'no-reason-given' }
  }
  return { reject: source.reject }
}

function isRejectReason(text: string): text is RejectReason {
  return Object.hasOwn(rejectReasons, text)
}
