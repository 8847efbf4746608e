import {
  type AssociateRq,
  encodeAssociateAc,
  encodePdu,
  type Lookup,
  PduType,
  withAETitles,
} from '../dicom/index.ts'
import { encodeTakes, firstCommand, isDelayable, promise, sendsDatasets } from '../negotiation/index.ts'
import { type AssociationFacts, decide, type Pool, reachableBy } from '../routing/index.ts'
import { accepting } from './accepting.ts'
import { type Binding, type Refusal, rejected, type Site, stickKey, type Told } from './answer.ts'

export type AssociateAnswer =
  /** the rules need no dataset: HAProxy connects and is out of the way */
  | ({ path: 'direct' } & Binding)
  /**
   * send `promise`, an A-ASSOCIATE-AC, and ask again when the first dataset is there, for which this rule waits; then
   * tell what each pool `takes` of it
   */
  | { path: 'delayed'; waitsFor: string; promise: Buffer; takes: string | undefined; at: string }
  | ({ path: 'refused' } & Refusal)
  /** these pools have to be asked what they accept: ask again, with more time */
  | { path?: undefined; asking: readonly string[] }

const dicomApplicationContext = '1.2.840.10008.3.1.1.1'

/**
 * The first step. `body` is the A-ASSOCIATE-RQ without its PDU header, `rq` the same decoded, `told` the rest. Where
 * pools were `asked`, it makes do with what they have answered.
 */
export function associate(
  site: Site,
  rq: AssociateRq,
  body: Buffer,
  told: Told,
  { asked = false } = {},
): AssociateAnswer {
  const refused = (refusal: Refusal): AssociateAnswer => ({ path: 'refused', ...refusal })
  if ((rq.protocolVersion & 1) === 0) return refused(rejected({ reason: 'protocol-version-not-supported' }))
  if (rq.applicationContext !== dicomApplicationContext) {
    return refused(rejected({ reason: 'application-context-name-not-supported' }))
  }

  const { ruleSet, doubts, shadowPool } = site
  const facts = associationFacts(rq, told, firstCommand(rq))
  const decision = decide(ruleSet, facts, sendsDatasets(rq) ? 'not yet' : 'never')
  switch (decision.kind) {
    case 'none':
      return refused(rejected({ reason: 'no-reason-given' }, { refusal: 'no-rule' }))
    case 'reject':
      return refused(rejected(decision, { rule: decision.rule }))
    case 'route': {
      const { rule, pool, stick } = decision
      const offer = addressed(body, ruleSet.pools.get(pool))
      return { path: 'direct', rule, backend: pool, key: stickKey(site, stick), offer }
    }
    case 'unknown': {
      const { rule } = decision
      const reason = 'no-reason-given'
      if (!isDelayable(rq)) return refused(rejected({ reason }, { rule, refusal: 'not-delayable' }))
      if (decision.pools.length === 0) return refused(rejected({ reason }, { rule, refusal: 'no-rule' }))
      const pools = shadowPool === undefined ? decision.pools : [shadowPool]
      const { known, assumed, unknown, refusal } = accepting(site, rq, pools, told)
      if (unknown.length > 0 && !asked) return { asking: unknown }
      if (known.size === 0) return refused(refusal(rule))
      const reached = shadowPool === undefined ? reachableBy(ruleSet, facts, pools) : () => pools
      const promised = promise(rq, [...known.values()], abstractSyntax => {
        const candidates = (hinted: boolean) => {
          const reachable = reached(abstractSyntax, hinted)
          const answering = reachable.flatMap(pool => known.get(pool) ?? [])
          return answering.length > 0 ? answering : reachable.flatMap(pool => assumed.get(pool) ?? [])
        }
        return doubts?.has(rq, abstractSyntax) ? [candidates(false), candidates(true)] : [candidates(true)]
      })
      return {
        path: 'delayed',
        waitsFor: rule,
        promise: encodeAssociateAc(promised),
        takes: encodeTakes(rq, promised, new Map([...known, ...assumed])),
        at: String(told.at),
      }
    }
  }
}

export function associationFacts(rq: AssociateRq, told: Told, dimse: Lookup): AssociationFacts {
  const { callingAE, calledAE, presentationContexts, implementationClassUid, implementationVersionName } = rq
  return {
    ...told,
    callingAE,
    calledAE,
    sopClasses: presentationContexts.map(context => context.abstractSyntax),
    transferSyntaxes: [...new Set(presentationContexts.flatMap(context => context.transferSyntaxes))],
    implementation: [implementationClassUid, implementationVersionName].filter(text => text !== ''),
    dimse,
  }
}

/** The client's own A-ASSOCIATE-RQ, byte for byte but for the AE titles that the pool wants, if it wants others. */
export function addressed(body: Buffer, pool: Pool | undefined): Buffer | undefined {
  if (pool?.calledAE === undefined && pool?.callingAE === undefined) return undefined
  return withAETitles(encodePdu(PduType.associateRq, body), pool)
}
