import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Lookup } from '../../agent/dicom/index.ts'
import { compile } from '../../agent/routing/compile.ts'
import type { RuleProblem } from '../../agent/routing/errors.ts'
import { type AssociationFacts, loadRules, type RuleSet, RulesInvalid } from '../../agent/routing/index.ts'
import { type Rules, readRules } from '../../agent/routing/load.ts'
import { atOnce } from '../../agent/routing/slices.ts'
import { parseSourceFile } from '../../agent/routing/source-file.ts'

/** Loads rule files that are given by name. */
export function rulesOf(files: Readonly<Record<string, string | Buffer>>): RuleSet {
  return inFolder(files, loadRules)
}

/** The same for what is told of rules, even if their own tests fail. */
export function readRulesOf(files: Readonly<Record<string, string | Buffer>>): Rules {
  return inFolder(files, readRules)
}

/** What one file says, without a folder. */
export function compiled(file: unknown): RuleSet {
  const problems: RuleProblem[] = []
  const source = atOnce(parseSourceFile('r.yaml', JSON.stringify(file), problems))
  const ruleSet = atOnce(compile(source ? [source] : [], problems))
  assert.deepEqual(problems, [])
  return ruleSet
}

function inFolder<T>(files: Readonly<Record<string, string | Buffer>>, load: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'rules-'))
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
    return load(folder)
  } catch (error) {
    if (error instanceof RulesInvalid) throw new Error(error.message.replaceAll(`${folder}/`, ''))
    throw error
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** What the rule files are refused for, line by line. */
export function problemsOf(files: Readonly<Record<string, string | Buffer>>): string[] {
  try {
    rulesOf(files)
    return []
  } catch (error) {
    return (error as Error).message.split('\n')
  }
}

export function association(facts: Partial<AssociationFacts> = {}): AssociationFacts {
  return {
    callingAE: 'SCU',
    calledAE: 'SCP',
    source: '203.0.113.1',
    sopClasses: [],
    transferSyntaxes: [],
    implementation: [],
    dimse: { state: 'absent' },
    at: Date.UTC(2024, 0, 31, 12),
    ...facts,
  }
}

/** The lookups of a rule set's attributes: those in `values` present, those in `unknown` unknown, the others absent. */
export function lookups(
  { paths }: RuleSet,
  values: Readonly<Record<string, string | readonly string[]>>,
  unknown: readonly string[] = [],
): Lookup[] {
  return paths.map(({ text }) => {
    if (unknown.includes(text)) return { state: 'unknown' }
    const value = Object.hasOwn(values, text) ? values[text] : undefined
    return value === undefined ? { state: 'absent' } : { state: 'present', values: [value].flat() }
  })
}
