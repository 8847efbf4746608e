import { sopClassByName, transferSyntaxByName } from '../../agent/dicom/index.ts'
import { type AssociationFacts, type Decision, decide, type RuleSet } from '../../agent/routing/index.ts'
import { association, lookups, rulesOf } from './support.ts'

/**
 * What is known, by what rules call it: facts (`at` is a moment), attributes of the dataset, and in `unknown` those of
 * the two whose bytes are not here yet.
 */
export type Given = Readonly<Record<string, string | string[]>>

const listed = (value: string | string[] | undefined) => (value === undefined ? [] : [value].flat())

export function decideOn(ruleSet: RuleSet, given: Given): Decision {
  const {
    callingAE,
    calledAE,
    source,
    tlsClientCN,
    sopClass,
    transferSyntax,
    implementation,
    dimse,
    at,
    ...rest
  } = given
  const { unknown: missing, ...tags } = rest
  const unknown = listed(missing)
  const asked = ruleSet.paths.map(({ text }) => text)
  for (const name of [...Object.keys(tags), ...unknown.filter(name => name !== 'dimse')]) {
    if (!asked.includes(name)) throw new Error(`no rule asks for ${name}`)
  }
  const titles = Object.entries({ callingAE, calledAE, source, tlsClientCN }).filter(
    ([, value]) => value !== undefined,
  )
  const commands = listed(dimse)
  const facts: Partial<AssociationFacts> = {
    ...Object.fromEntries(titles),
    sopClasses: listed(sopClass).map(name => sopClassByName(name) ?? name),
    transferSyntaxes: listed(transferSyntax).map(name => transferSyntaxByName(name) ?? name),
    implementation: listed(implementation),
    dimse: unknown.includes('dimse')
      ? { state: 'unknown' }
      : commands.length === 0
        ? { state: 'absent' }
        : { state: 'present', values: commands },
    ...(at !== undefined && { at: Date.parse(String(at)) }),
  }
  return decide(ruleSet, association(facts), lookups(ruleSet, tags, unknown))
}

/** Whether `when` holds: of a rule beside a default. */
export function holds(when: unknown, given: Given): 'holds' | 'fails' | 'unknown' {
  const rules = { rules: [{ name: 'R', when, route: 'a' }], default: 'b' }
  const decision = decideOn(rulesOf({ 'r.yaml': JSON.stringify(rules) }), given)
  if (decision.kind === 'unknown') return 'unknown'
  return decision.kind === 'route' && decision.rule === 'R' ? 'holds' : 'fails'
}
