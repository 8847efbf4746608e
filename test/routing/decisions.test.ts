import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
import { type AssociationFacts, type Decision, decide, loadRules } from '../../agent/routing/index.ts'
import { association, lookups } from './support.ts'

/**
 * One line of decisions/SUBJECT/cases.yaml; rules/ beside it has the rule files. What is not given is absent; of a
 * route, `mixed` is then `refuse`.
 */
interface Case extends Partial<AssociationFacts> {
  case: string
  dataset?: 'not yet' | 'never'
  tags?: Record<string, string | string[]>
  unknown?: string[]
  expect: Decision
}

const folder = join(import.meta.dirname, 'decisions')

for (const subject of readdirSync(folder)) {
  const ruleSet = loadRules(join(folder, subject, 'rules'))
  const cases: Case[] = parse(readFileSync(join(folder, subject, 'cases.yaml'), 'utf8'))
  describe(`decisions: ${subject}`, () => {
    for (const { case: name, dataset, tags = {}, unknown = [], expect, ...facts } of cases) {
      test(name, () => {
        const asked = ruleSet.paths.map(({ text }) => text)
        for (const tag of [...Object.keys(tags), ...unknown])
          assert.ok(asked.includes(tag), `no rule asks for ${tag}`)
        assert.deepEqual(
          decide(ruleSet, association(facts), dataset ?? lookups(ruleSet, tags, unknown)),
          expect.kind === 'route' ? { ...expect, mixed: expect.mixed ?? 'refuse' } : expect,
        )
      })
    }
  })
}
