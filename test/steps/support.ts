import { encodeAssociateAc } from '../../agent/dicom/index.ts'
import type { Site, Told } from '../../agent/steps/answer.ts'
import { promise, request } from '../negotiation/support.ts'
import { rulesOf } from '../routing/support.ts'

const rules = `
pools:
  ct: { calledAE: CT_ARCHIVE, maxPduLength: 65536 }
  archive: { calledAE: ARCHIVE }
  general: { transferSyntaxes: [Implicit VR Little Endian], maxPduLength: 0 }
rules:
  - { name: archive, when: { calledAE: ARCH }, route: archive, stick: callingAE, mixed: follow }
  - { name: first live, when: { calledAE: LISTED }, route: [archive, general] }
  - { name: sites, when: { source: 10.0.0.0/8 }, route: general }
  - { name: unwanted, when: { callingAE: EVIL }, reject: calling-ae-title-not-recognized }
  - { name: dataset refused, when: { calledAE: PICKY, Modality: MR }, reject: temporary-congestion }
  - { name: only refused, when: { calledAE: REFUSING, Modality: MR }, reject: temporary-congestion }
  - { name: CT, when: { calledAE: [SCP, PICKY], Modality: CT }, route: ct, stick: PatientID }
  - { name: late, when: { calledAE: SCP, InstitutionName: LATE }, route: general, mixed: follow }
  - { name: other images, when: { calledAE: SCP, Modality: "*" }, route: general, mixed: instance }
  - { name: queries, when: { calledAE: SCP, sopClass: Verification }, route: general }
`

/** What HAProxy tells of an association beside its bytes. */
export const told = (source = ''): Told => ({ source, at: Date.UTC(2024, 0, 31, 12) })

export const site: Site = { ruleSet: rulesOf({ 'rules.yaml': rules }), stickSecret: 'a secret of the site' }

/** What the client of `request()` was promised. */
export const promised = promise(request(), [{}])
export const promisedPdu = encodeAssociateAc(promised)
