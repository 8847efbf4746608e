import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
import {
  type AssociationFacts,
  type Decision,
  decide,
  decideAfterHead,
  loadRules,
} from '../../agent/routing/index.ts'
import { association, lookups } from './support.ts'

/**
 * One line of decisions/SUBJECT/cases.yaml; rules/ beside it has the rule files. What is not given is absent; of a
 * route, `mixed` is then `refuse`, and `pools` the one pool. What is still unknown when the head has been read is decided
 * by `undecided:`, as `afterHead`.
 */
interface Case extends Partial<AssociationFacts> {
  case: string
  dataset?: 'not yet' | 'never'
  tags?: Record<string, string | string[]>
  unknown?: string[]
  expect: Expected
  afterHead?: Expected
}

type Route = Extract<Decision, { kind: 'route' }>
type Expected = Exclude<Decision, Route> | (Omit<Route, 'mixed' | 'pools'> & Partial<Route>)

function whole(expected: Expected): Decision {
  if (expected.kind !== 'route') return expected
  return { ...expected, mixed: expected.mixed ?? 'refuse', pools: expected.pools ?? [expected.pool] }
}

const folder = join(import.meta.dirname, 'decisions')

for (const subject of readdirSync(folder)) {
  const ruleSet = loadRules(join(folder, subject, 'rules'))
  const cases: Case[] = parse(readFileSync(join(folder, subject, 'cases.yaml'), 'utf8'))
  describe(`decisions: ${subject}`, () => {
    for (const { case: name, dataset, tags = {}, unknown = [], expect, afterHead, ...facts } of cases) {
      test(name, () => {
        const asked = ruleSet.paths.map(({ text }) => text)
        for (const tag of [...Object.keys(tags), ...unknown])
          assert.ok(asked.includes(tag), `no rule asks for ${tag}`)
        const known = dataset ?? lookups(ruleSet, tags, unknown)
        assert.deepEqual(decide(ruleSet, association(facts), known), whole(expect))
        if (dataset === 'not yet') return
        assert.deepEqual(decideAfterHead(ruleSet, association(facts), known), whole(afterHead ?? expect))
      })
    }
  })
}
