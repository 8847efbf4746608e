import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { encodePData } from '../../agent/dicom/index.ts'
import { type Balancer, startBalancer } from '../support/balancer.ts'
import { cut, generator, outcome, packed, rules, segments, whole } from '../support/mixed.ts'
import { type Pacs, startPacs } from '../support/pacs.ts'

const rounds = Number(process.env.FUZZ_ROUNDS ?? 1000)
const atOnce = 8

describe('the guard, however its client cuts', () => {
  let ct: Pacs
  let mr: Pacs
  let balancer: Balancer

  before(async () => {
    ct = await startPacs()
    mr = await startPacs()
    const pools = { ct: [{ name: 'CT', port: ct.port }], mr: [{ name: 'MR', port: mr.port }] }
    balancer = await startBalancer({ rules, pools })
  })
  after(async () => {
    await balancer?.stop()
    await Promise.all([ct?.stop(), mr?.stop()])
  })

  test(`${rounds} times the same ten instances, cut into PDVs, PDUs and segments at random`, async () => {
    const straight = await outcome(
      balancer.port,
      'STRAIGHT',
      whole.map(pdv => encodePData([pdv])),
      false,
    )
    const expected = { ...straight, stored: stored('STRAIGHT') }
    assert.deepEqual(expected.statuses, [0, 0xa700, 0, 0, 0xa700, 0xa700, 0, 0, 0xa700, 0])
    assert.equal(expected.stored.length, 6)

    let next = 0
    const worker = async () => {
      for (let seed = next++; seed < rounds; seed = next++) {
        const callingAE = `SEED-${seed}`
        const random = generator(seed)
        const pdus = packed(cut(whole, random), random)
        const got = await outcome(
          balancer.port,
          callingAE,
          segments(Buffer.concat(pdus), random),
          random() < 0.5,
        )
        assert.deepEqual({ ...got, stored: stored(callingAE) }, expected, callingAE)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
    assert.equal(mr.stored.length, 0)
  })

  function stored(callingAE: string): string[] {
    return ct.stored
      .filter(({ rq }) => rq.callingAE === callingAE)
      .map(({ sopInstance, digest }) => `${sopInstance} ${digest}`)
  }
})
