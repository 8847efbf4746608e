import { isStorage, type Lookup, mayStore, modalityOf, type TagPath } from '../dicom/index.ts'
import { decide } from './evaluate.ts'
import type { AssociationFacts } from './facts.ts'
import type { RuleSet } from './rule-set.ts'

const sopClassUid = 0x00080016
const modality = 0x00080060

/**
 * The pools that a dataset may still go to, by the abstract syntax of its presentation context: those that the rules lead
 * to where it is the dataset's SOP Class UID, and Modality what the IOD fixes. That is a hint, for the promise alone: if
 * nothing comes of it, or without `hinted`, it does not count. `pools` are those of the association, which is where
 * everything else goes.
 */
export function reachableBy(
  ruleSet: RuleSet,
  association: AssociationFacts,
  pools: readonly string[],
): (abstractSyntax: string, hinted?: boolean) => readonly string[] {
  const looksAt = (tag: number) => ruleSet.paths.some(path => isTag(path, tag))
  const byClass = looksAt(sopClassUid)
  const byModality = looksAt(modality)
  if (!byClass && !byModality) return () => pools

  const found = new Map<string, readonly string[]>()
  return (abstractSyntax, hinted = true) => {
    if (!mayStore(abstractSyntax)) return pools
    const hint = byModality && hinted ? modalityOf(abstractSyntax) : undefined
    const key = `${byClass ? abstractSyntax : isStorage(abstractSyntax)} ${hint}`
    let reached = found.get(key)
    if (reached === undefined) {
      reached = reach(ruleSet, association, abstractSyntax, hint)
      if (reached.length === 0 && hint !== undefined) reached = reach(ruleSet, association, abstractSyntax)
      found.set(key, reached)
    }
    return reached
  }
}

function reach(
  ruleSet: RuleSet,
  association: AssociationFacts,
  abstractSyntax: string,
  hint?: string,
): readonly string[] {
  const dataset = ruleSet.paths.map((path): Lookup => {
    if (isTag(path, sopClassUid)) return { state: 'present', values: [abstractSyntax] }
    if (hint !== undefined && isTag(path, modality)) return { state: 'present', values: [hint] }
    return { state: 'unknown' }
  })
  const dimse: Lookup = isStorage(abstractSyntax)
    ? { state: 'present', values: ['C-STORE'] }
    : association.dimse
  const decision = decide(ruleSet, { ...association, dimse }, dataset)
  return 'pools' in decision ? decision.pools : []
}

function isTag({ steps: [step, ...inner] }: TagPath, tag: number): boolean {
  return step?.tag === tag && inner.length === 0
}
