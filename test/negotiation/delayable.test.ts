import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AssociateRq } from '../../agent/dicom/index.ts'
import { firstCommand, isDelayable, sendsDatasets } from '../../agent/negotiation/index.ts'
import { CT_IMAGE, contexts, MR_IMAGE, VERIFICATION } from '../support/messages.ts'
import { request } from './support.ts'

const FIND = '1.2.840.10008.5.1.4.1.2.2.1'
const MOVE = '1.2.840.10008.5.1.4.1.2.2.2'
const GET = '1.2.840.10008.5.1.4.1.2.2.3'
const COMMITMENT = '1.2.840.10008.1.20.1'
const PRIVATE = '1.2.276.0.1'

const role = (sopClass: string, scu: boolean, scp: boolean) => ({ sopClass, scu, scp })

describe('a client sends datasets to be stored', () => {
  const table: [subject: string, sends: boolean, sopClasses: string[], roles?: AssociateRq['roles']][] = [
    ['where it proposes a Storage SOP class', true, [CT_IMAGE]],
    ['among others', true, [VERIFICATION, FIND, MR_IMAGE]],
    ['perhaps, where it proposes a private one', true, [PRIVATE]],
    ['not to be verified', false, [VERIFICATION]],
    ['not to query', false, [FIND]],
    ['not for storage commitment', false, [COMMITMENT, VERIFICATION]],
    ['not where it only retrieves', false, [GET, CT_IMAGE], [role(CT_IMAGE, false, true)]],
    [
      'where it retrieves one and stores another',
      true,
      [GET, CT_IMAGE, MR_IMAGE],
      [role(CT_IMAGE, false, true)],
    ],
    ['where it does both', true, [CT_IMAGE], [role(CT_IMAGE, true, true)]],
    ['where it names the role that it has anyway', true, [CT_IMAGE], [role(CT_IMAGE, true, false)]],
  ]
  for (const [subject, sends, sopClasses, roles = []] of table) {
    test(subject, () => {
      assert.equal(sendsDatasets(request({ presentationContexts: contexts(sopClasses), roles })), sends)
    })
  }
})

describe('the first command', () => {
  const table: [
    subject: string,
    commands: string[] | 'unknown',
    sopClasses: string[],
    roles?: AssociateRq['roles'],
  ][] = [
    ['is C-STORE where nothing else is possible', ['C-STORE'], [CT_IMAGE, MR_IMAGE]],
    ['... but for a C-ECHO, which the balancer answers', ['C-STORE'], [VERIFICATION, CT_IMAGE]],
    ['is waited for where it may be another', 'unknown', [CT_IMAGE, FIND]],
    ['... or one that is nowhere written', 'unknown', [CT_IMAGE, COMMITMENT]],
    ['... or anything', 'unknown', [PRIVATE]],
    ['is that of the only service', ['C-FIND'], [FIND, VERIFICATION]],
    ['is any of several, where it is not waited for', ['C-FIND', 'C-MOVE'], [FIND, MOVE, COMMITMENT]],
    ['is C-GET where images only come back', ['C-GET'], [GET, CT_IMAGE], [role(CT_IMAGE, false, true)]],
    ['is C-ECHO where nothing else is proposed', ['C-ECHO'], [VERIFICATION]],
    ['is none where a service has several', [], [COMMITMENT, VERIFICATION]],
  ]
  for (const [subject, commands, sopClasses, roles = []] of table) {
    test(subject, () => {
      const known = firstCommand(request({ presentationContexts: contexts(sopClasses), roles }))
      assert.deepEqual(
        known.state === 'present' ? known.values : known.state === 'absent' ? [] : 'unknown',
        commands,
      )
    })
  }
})

describe('the balancer can answer for the PACS', () => {
  const identity = { type: 1, primary: Buffer.from('ann'), secondary: Buffer.alloc(0) }
  const table: [subject: string, delayable: boolean, rq: Partial<AssociateRq>][] = [
    ['where nothing is asked that only the PACS can say', true, {}],
    ['where the client has the role that it has anyway', true, { roles: [role(CT_IMAGE, true, false)] }],
    ['not where it asks for the SCP role', false, { roles: [role(CT_IMAGE, false, true)] }],
    [
      'not where it asks for both',
      false,
      { roles: [role(MR_IMAGE, true, false), role(CT_IMAGE, true, true)] },
    ],
    ['where it says who it is', true, { userIdentity: { ...identity, positiveResponseRequested: false } }],
    [
      'not where it wants to know that',
      false,
      { userIdentity: { ...identity, positiveResponseRequested: true } },
    ],
    ['where it asks for asynchronous operations', true, { asyncOperations: { invoked: 0, performed: 0 } }],
    ['where it negotiates more', true, { sopClassExtended: [{ sopClass: CT_IMAGE, info: Buffer.of(1) }] }],
  ]
  for (const [subject, delayable, rq] of table) {
    test(subject, () => assert.equal(isDelayable(request(rq)), delayable))
  }
})
