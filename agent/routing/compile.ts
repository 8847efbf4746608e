import { type RejectReason, rejectReasons, transferSyntaxes } from '../dicom/index.ts'
import { compileCondition, compileStick, Paths, type Report } from './conditions.ts'
import type { RuleProblem } from './errors.ts'
import type { Outcome, Pool, Rule, RuleSet } from './rule-set.ts'
import type { PoolSource, RuleSource } from './schema.ts'
import type { SourceFile } from './source-file.ts'

const defaultRuleName = 'default'

/** Compiles what the rule files say, in their order; what is wrong with it goes to `problems`. */
export function compile(files: readonly SourceFile[], problems: RuleProblem[]): RuleSet {
  const paths = new Paths()
  const rules: Rule[] = []
  const pools = new Map<string, Pool>()
  const names = new Set<string>([defaultRuleName])
  let defaultRule: Rule | undefined

  for (const { data, problem } of files) {
    const reportAt =
      (...base: (string | number)[]): Report =>
      (path, message, at) =>
        problems.push(problem([...base, ...path], message, at))

    for (const [name, source] of Object.entries(data.pools)) {
      const report = reportAt('pools', name)
      if (pools.has(name)) report([], `pool ${name} is declared in another file already`, 'key')
      pools.set(name, compilePool(source, report))
    }
    for (const [index, source] of data.rules.entries()) {
      const report = reportAt('rules', index)
      if (names.has(source.name)) report(['name'], 'another rule has this name')
      names.add(source.name)
      rules.push(compileRule(source, paths, report))
    }
    if (data.default !== undefined) {
      const report = reportAt('default')
      if (defaultRule) report([], 'another file has a default already', 'key')
      const source = typeof data.default === 'string' ? { route: data.default } : data.default
      defaultRule = { name: defaultRuleName, conditions: [], outcome: compileOutcome(source, paths, report) }
    }
  }
  return { rules: defaultRule ? [...rules, defaultRule] : rules, pools, paths: paths.all }
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

function compileRule(source: RuleSource, paths: Paths, report: Report): Rule {
  return {
    name: source.name,
    conditions: Object.entries(source.when).flatMap(([key, value]) => {
      const values = typeof value === 'string' ? [value] : value
      return (
        compileCondition(key, values, paths, (path, message, at) =>
          report(['when', key, ...path], message, at),
        ) ?? []
      )
    }),
    outcome: compileOutcome(source, paths, report),
  }
}

/** A rule has one of route and reject: the schema sees to it. */
function compileOutcome(
  source: Pick<RuleSource, 'route' | 'reject' | 'stick'>,
  paths: Paths,
  report: Report,
): Outcome {
  if (source.reject === undefined) {
    const stick = source.stick === undefined ? undefined : compileStick(source.stick, paths, report)
    return { route: source.route ?? '', stick }
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
