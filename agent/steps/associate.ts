import { type AssociateRq, encodeAssociateAc, encodePdu, PduType, withAETitles } from '../dicom/index.ts'
import { firstCommand, isDelayable, promise, sendsDatasets } from '../negotiation/index.ts'
import { type AssociationFacts, decide, type Pool } from '../routing/index.ts'
import { type Binding, type Refusal, rejected, type Site, stickKey, type Told } from './answer.ts'

export type AssociateAnswer =
  /** the rules need no dataset: HAProxy connects and is out of the way */
  | ({ path: 'direct' } & Binding)
  /** send `promise`, an A-ASSOCIATE-AC, and ask again when the first dataset is there, for which this rule waits */
  | { path: 'delayed'; waitsFor: string; promise: Buffer; at: string }
  | ({ path: 'refused' } & Refusal)

const dicomApplicationContext = '1.2.840.10008.3.1.1.1'

/** The first step. `body` is the A-ASSOCIATE-RQ without its PDU header, `rq` the same decoded, `told` the rest. */
export function associate(site: Site, rq: AssociateRq, body: Buffer, told: Told): AssociateAnswer {
  const refused = (refusal: Refusal): AssociateAnswer => ({ path: 'refused', ...refusal })
  if ((rq.protocolVersion & 1) === 0) return refused(rejected({ reason: 'protocol-version-not-supported' }))
  if (rq.applicationContext !== dicomApplicationContext) {
    return refused(rejected({ reason: 'application-context-name-not-supported' }))
  }

  const { ruleSet } = site
  const decision = decide(ruleSet, associationFacts(rq, told), sendsDatasets(rq) ? 'not yet' : 'never')
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
      const pools = decision.pools.map(pool => ruleSet.pools.get(pool) ?? {})
      return {
        path: 'delayed',
        waitsFor: rule,
        promise: encodeAssociateAc(promise(rq, pools)),
        at: String(told.at),
      }
    }
  }
}

export function associationFacts(rq: AssociateRq, told: Told): AssociationFacts {
  const { callingAE, calledAE, presentationContexts, implementationClassUid, implementationVersionName } = rq
  return {
    callingAE,
    calledAE,
    ...told,
    sopClasses: presentationContexts.map(context => context.abstractSyntax),
    transferSyntaxes: [...new Set(presentationContexts.flatMap(context => context.transferSyntaxes))],
    implementation: [implementationClassUid, implementationVersionName].filter(text => text !== ''),
    dimse: firstCommand(rq),
  }
}

/** The client's own A-ASSOCIATE-RQ, byte for byte but for the AE titles that the pool wants, if it wants others. */
export function addressed(body: Buffer, pool: Pool | undefined): Buffer | undefined {
  if (pool?.calledAE === undefined && pool?.callingAE === undefined) return undefined
  return withAETitles(encodePdu(PduType.associateRq, body), pool)
}
