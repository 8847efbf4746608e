import { type AssociateRq, encodeAssociateRj } from '../dicom/index.ts'
import { type Acceptance, declared, isDeclared, type Known } from '../negotiation/index.ts'
import { type Refusal, rejected, type Site, type Told } from './answer.ts'

/** What the pools accept that an association may still come to. */
interface Accepting {
  /** by those that are declared, or have answered */
  known: ReadonlyMap<string, Acceptance>
  /** by those that are down or do not answer, as most PACS do: for where there is no other pool */
  assumed: ReadonlyMap<string, Acceptance>
  /** those that have to be asked first, which are among the assumed */
  unknown: readonly string[]
  /** why none is known */
  refusal: (rule: string) => Refusal
}

/** A pool without a live server is not asked. One that does not take the client's association is in neither list. */
export function accepting(
  { ruleSet, knowledge }: Site,
  rq: AssociateRq,
  candidates: readonly string[],
  { live }: Told,
): Accepting {
  const known = new Map<string, Acceptance>()
  const assumed = new Map<string, Acceptance>()
  const others: Known[] = []
  const unknown: string[] = []
  for (const name of candidates) {
    const pool = ruleSet.pools.get(name) ?? {}
    if (isDeclared(pool) || !knowledge) {
      known.set(name, declared(pool))
      continue
    }
    const answer = knowledge.of(name, pool, rq)
    if (answer && 'accepts' in answer) {
      known.set(name, answer.accepts)
      continue
    }
    if (answer) others.push(answer)
    else if (live?.includes(name) ?? true) unknown.push(name)
    if (!answer || 'silent' in answer) assumed.set(name, declared({}))
  }
  return { known, assumed, unknown, refusal: rule => whyNone(rule, others, unknown.length > 0) }
}

function whyNone(rule: string, others: readonly Known[], waited: boolean): Refusal {
  const [rj] = others.flatMap(known => ('rejects' in known ? known.rejects : []))
  if (rj) return { rule, refusal: 'pacs-rejected', answer: encodeAssociateRj(rj) }
  const refusal = waited || others.length > 0 ? 'pacs-silent' : 'pool-down'
  return rejected({ reason: 'temporary-congestion' }, { rule, refusal })
}
