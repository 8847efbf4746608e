import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { type AssociateRq, ContextResult, rejectReasons } from '../../agent/dicom/index.ts'
import { createKnowledge, type Knowledge, type ProbeAnswer } from '../../agent/negotiation/index.ts'
import { CT_IMAGE, contexts, EXPLICIT, IMPLICIT, MR_IMAGE } from '../support/messages.ts'
import { request } from './support.ts'

const JPEG = '1.2.840.10008.1.2.4.70'
const minute = 60_000

describe('what an agent knows of pools', () => {
  let time = 0
  let accepted: readonly string[] = []
  let asked: { pool: string; rq: AssociateRq }[] = []
  let failing: ProbeAnswer | undefined
  let held: Promise<void> | undefined
  let lookUps: boolean[] = []
  let knowledge: Knowledge

  beforeEach(() => {
    time = 0
    accepted = [EXPLICIT, IMPLICIT]
    asked = []
    failing = undefined
    held = undefined
    lookUps = []
    knowledge = createKnowledge({
      now: () => time,
      onLookUp: isKnown => lookUps.push(isKnown),
      async probe(pool, rq) {
        asked.push({ pool, rq })
        const answer = failing ?? answerOf(rq)
        await held
        return answer
      },
    })
  })

  function answerOf(rq: AssociateRq): ProbeAnswer {
    const presentationContexts = rq.presentationContexts.map(({ id, transferSyntaxes: [uid = ''] }) =>
      accepted.includes(uid) ? { id, result: 0, transferSyntax: uid } : { id, result: 4, transferSyntax: '' },
    )
    return { outcome: 'accepted', ac: { ...rq, presentationContexts, maxPduLength: 65536 } }
  }
  const rqOf = (transferSyntaxes = [EXPLICIT, JPEG], more: Partial<AssociateRq> = {}) =>
    request({ presentationContexts: contexts([CT_IMAGE, MR_IMAGE], transferSyntaxes), ...more })
  const known = (rq = rqOf(), pool = 'ct') => knowledge.of(pool, {}, rq)
  async function learned(rq = rqOf(), pool = 'ct') {
    await knowledge.ask(pool, {}, rq)
    return known(rq, pool)
  }
  const settled = () => new Promise(resolve => setImmediate(resolve))

  test('is nothing at first, and then what the pool has answered to each pair', async () => {
    assert.equal(known(), undefined)
    const answer = await learned()
    assert.ok(answer && 'accepts' in answer)
    const { resultOf, maxPduLength } = answer.accepts
    assert.equal(maxPduLength, 65536)
    assert.deepEqual(
      [EXPLICIT, JPEG].map(uid => resultOf(CT_IMAGE, uid)),
      [ContextResult.acceptance, ContextResult.transferSyntaxesNotSupported],
    )
    assert.deepEqual(lookUps, [false, true])
  })

  test('holds for its pool, pair of AE titles, and user identity', async () => {
    await learned()
    const userIdentity = {
      type: 2,
      positiveResponseRequested: false,
      primary: Buffer.from('ann'),
      secondary: Buffer.from('secret'),
    }
    assert.equal(known(rqOf(), 'mr'), undefined)
    for (const other of [{ callingAE: 'OTHER' }, { calledAE: 'OTHER' }, { userIdentity }]) {
      assert.equal(known(rqOf(undefined, other)), undefined)
    }
    const ticket = { ...userIdentity, type: 3 }
    assert.ok(known(rqOf(undefined, { userIdentity: ticket })))
    await learned(rqOf(undefined, { userIdentity }))
    assert.deepEqual(asked[1]?.rq.userIdentity, userIdentity)
  })

  test('is asked for under the titles that the pool sees', async () => {
    await knowledge.ask('ct', { calledAE: 'ARCHIVE', callingAE: 'LB' }, rqOf())
    assert.deepEqual([asked[0]?.rq.calledAE, asked[0]?.rq.callingAE], ['ARCHIVE', 'LB'])
  })

  test('is asked for once by all that want it at the same time, and only what is missing', async () => {
    await Promise.all(Array.from({ length: 20 }, () => learned()))
    assert.equal(asked.length, 1)
    await learned(rqOf([EXPLICIT, IMPLICIT]))
    assert.deepEqual(
      asked[1]?.rq.presentationContexts.map(({ abstractSyntax, transferSyntaxes }) => [
        abstractSyntax,
        transferSyntaxes,
      ]),
      [
        [CT_IMAGE, [IMPLICIT]],
        [MR_IMAGE, [IMPLICIT]],
      ],
    )
    assert.ok(known(rqOf([EXPLICIT, JPEG, IMPLICIT])))
  })

  test('takes as many associations as there are contexts, 128 in each, and is bounded', async () => {
    const uids = Array.from({ length: 30 }, (_, n) => `1.2.${n}`)
    const many = request({
      presentationContexts: contexts(
        Array.from({ length: 100 }, (_, n) => `1.3.${n}`),
        uids,
      ),
    })
    await learned(many)
    assert.equal(asked.length, 16)
    assert.ok(asked.every(({ rq }) => rq.presentationContexts.length === 128))
    const answer = known(many)
    assert.ok(answer && 'accepts' in answer)
    assert.equal(answer.accepts.resultOf('1.3.99', '1.2.29'), ContextResult.noReason)
  })

  test('is asked for anew while it still counts, and does not count any more after an hour', async () => {
    await learned()
    accepted = [JPEG]
    time = 11 * minute
    const before = known()
    assert.ok(before && 'accepts' in before)
    assert.equal(before.accepts.resultOf(CT_IMAGE, JPEG), 4)
    known()
    await settled()
    assert.equal(asked.length, 2)
    const after = known()
    assert.ok(after && 'accepts' in after)
    assert.equal(after.accepts.resultOf(CT_IMAGE, JPEG), 0)
    time += 61 * minute
    assert.equal(known(), undefined)
  })

  test('is asked for anew before it ends, while its client has come within a day', async () => {
    await learned()
    accepted = [JPEG]
    const refreshed = async (at: number, isAsked = true) => {
      time = at
      const before = asked.length
      knowledge.refresh(() => isAsked)
      await settled()
      return asked.length - before
    }
    const [early, late, next] = [49 * minute, 51 * minute, 60 * minute]
    assert.deepEqual(
      [await refreshed(early), await refreshed(late, false), await refreshed(late), await refreshed(next)],
      [0, 0, 1, 0],
    )
    time = 100 * minute
    const answer = known()
    assert.ok(answer && 'accepts' in answer)
    assert.equal(answer.accepts.resultOf(CT_IMAGE, JPEG), 0)
    await settled()

    const came = time
    let last = came
    for (; (await refreshed(last + 51 * minute)) === 1; last += 51 * minute);
    assert.ok(last > came + 22 * 60 * minute && last <= came + 24 * 60 * minute)
    time = last + 61 * minute
    assert.equal(known(), undefined)
  })

  test('... and where a passcode is needed for that, only when its client comes', async () => {
    const userIdentity = {
      type: 2,
      positiveResponseRequested: false,
      primary: Buffer.from('ann'),
      secondary: Buffer.from('secret'),
    }
    await learned(rqOf(undefined, { userIdentity }))
    time = 51 * minute
    knowledge.refresh(() => true)
    assert.equal(asked.length, 1)
  })

  test('stays what it was where a pool that is asked anew does not answer', async () => {
    await learned()
    failing = { outcome: 'silent', why: 'test' }
    time = 11 * minute
    known()
    await settled()
    const answer = known()
    assert.ok(answer && 'accepts' in answer)
  })

  for (const [outcome, answer, expected] of [
    ['is silent', { outcome: 'silent', why: 'test' }, { silent: true }],
    [
      'rejects the association',
      { outcome: 'rejected', rj: rejectReasons['no-reason-given'] },
      { rejects: rejectReasons['no-reason-given'] },
    ],
  ] as const) {
    test(`counts for 3 s where a pool ${outcome}`, async () => {
      failing = answer
      assert.deepEqual(await learned(), expected)
      assert.deepEqual(await learned(), expected)
      assert.equal(asked.length, 1)
      time += 3001
      failing = undefined
      assert.equal(known(), undefined)
      assert.ok(await learned())
    })
  }

  test('is the default where HAProxy cannot be asked', async () => {
    failing = { outcome: 'no-gateway', why: 'test' }
    const answer = await learned()
    assert.ok(answer && 'accepts' in answer)
    assert.deepEqual(
      [EXPLICIT, IMPLICIT, JPEG].map(uid => answer.accepts.resultOf(CT_IMAGE, uid)),
      [0, 0, 4],
    )
  })

  test('is forgotten by pool, also what is being asked for at the moment', async () => {
    const gate = Promise.withResolvers<void>()
    await learned(rqOf(), 'mr')
    held = gate.promise
    const waiting = learned()
    accepted = []
    held = undefined
    knowledge.forget('ct')
    gate.resolve()
    const answer = await waiting
    assert.ok(answer && 'accepts' in answer)
    assert.equal(answer.accepts.resultOf(CT_IMAGE, EXPLICIT), 4)
    assert.ok(known(rqOf(), 'mr'))
  })

  test('is forgotten once for each token that HAProxy tells', async () => {
    await learned()
    await learned(rqOf(), 'mr')
    knowledge.forgetStale('ct=0a')
    assert.equal(known(), undefined)
    assert.ok(known(rqOf(), 'mr'))
    await learned()
    for (const list of ['ct=0a', 'mr=0b ct=0a', 'ct=0a mr=0b']) knowledge.forgetStale(list)
    assert.ok(known())
    assert.equal(known(rqOf(), 'mr'), undefined)
  })

  test('is forgotten, what was used last at last, where there is too much of it', async () => {
    const titles = Array.from({ length: 2001 }, (_, n) => `SCU${n}`)
    for (const callingAE of titles) {
      await knowledge.ask('ct', {}, rqOf(undefined, { callingAE }))
      known(rqOf(undefined, { callingAE: 'SCU0' }))
    }
    assert.ok(known(rqOf(undefined, { callingAE: 'SCU0' })))
    assert.equal(known(rqOf(undefined, { callingAE: 'SCU1' })), undefined)
    assert.ok(known(rqOf(undefined, { callingAE: 'SCU2' })))
  })
})
