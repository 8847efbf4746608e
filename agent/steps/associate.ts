import { type AssociateRq, encodeAssociateAc, encodePdu, PduType, withCalledAE } from '../dicom/index.ts'
import { isDelayable, promise, sendsDatasets } from '../negotiation/index.ts'
import { type AssociationFacts, decide, type Pool } from '../routing/index.ts'
import { type Binding, type Refusal, rejected, type Site, stickKey } from './answer.ts'

export type AssociateAnswer =
  /** the rules need no dataset: HAProxy connects and is out of the way */
  | ({ path: 'direct' } & Binding)
  /** send `promise`, an A-ASSOCIATE-AC, and ask again when the first dataset is there, for which this rule waits */
  | { path: 'delayed'; waitsFor: string; promise: Buffer }
  | ({ path: 'refused' } & Refusal)

const dicomApplicationContext = '1.2.840.10008.3.1.1.1'

/** The first step. `body` is the A-ASSOCIATE-RQ without its PDU header, `rq` the same decoded, `source` an address. */
export function associate(site: Site, rq: AssociateRq, body: Buffer, source: string): AssociateAnswer {
  const refused = (refusal: Refusal): AssociateAnswer => ({ path: 'refused', ...refusal })
  if ((rq.protocolVersion & 1) === 0) return refused(rejected('protocol-version-not-supported'))
  if (rq.applicationContext !== dicomApplicationContext) {
    return refused(rejected('application-context-name-not-supported'))
  }

  const { ruleSet } = site
  const decision = decide(ruleSet, associationFacts(rq, source), sendsDatasets(rq) ? 'not yet' : 'never')
  switch (decision.kind) {
    case 'none':
      return refused(rejected('no-reason-given', { refusal: 'no-rule' }))
    case 'reject':
      return refused(rejected(decision.reason, { rule: decision.rule }))
    case 'route': {
      const { rule, pool, stick } = decision
      const offer = addressed(body, ruleSet.pools.get(pool))
      return { path: 'direct', rule, backend: pool, key: stickKey(site, stick), offer }
    }
    case 'unknown': {
      const { rule } = decision
      if (!isDelayable(rq)) return refused(rejected('no-reason-given', { rule, refusal: 'not-delayable' }))
      if (decision.pools.length === 0)
        return refused(rejected('no-reason-given', { rule, refusal: 'no-rule' }))
      const pools = decision.pools.map(pool => ruleSet.pools.get(pool) ?? {})
      return { path: 'delayed', waitsFor: rule, promise: encodeAssociateAc(promise(rq, pools)) }
    }
  }
}

export function associationFacts(rq: AssociateRq, source: string): AssociationFacts {
  const { callingAE, calledAE, presentationContexts } = rq
  return {
    callingAE,
    calledAE,
    source,
    sopClasses: presentationContexts.map(context => context.abstractSyntax),
  }
}

/** The client's own A-ASSOCIATE-RQ, byte for byte but for the called AE title that the pool wants, if it wants one. */
function addressed(body: Buffer, pool: Pool | undefined): Buffer | undefined {
  if (pool?.calledAE === undefined) return undefined
  return withCalledAE(encodePdu(PduType.associateRq, body), pool.calledAE)
}
