import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { startAdmin } from './support.ts'

const rules = `
rules:
  - { name: QA, when: { callingAE: QA }, route: { qa: 5, ct: 95 } }
  - { name: strangers, when: { callingAE: X }, reject: no-reason-given }
  - { name: CT, when: { Modality: CT }, route: ct }
undecided: quarantine
`
const pools = [
  { name: 'qa', rules: ['QA'] },
  { name: 'ct', rules: ['QA', 'CT'] },
  { name: 'quarantine', rules: [] },
]

describe('GET /pools', () => {
  test('tells where the rules lead, and nothing of what HAProxy has not told yet', async t => {
    const { get } = await startAdmin(t, rules)
    assert.deepEqual((await get('/pools')).json(), { pools })
  })

  test('tells which of them have a live server, and since when that is known', async t => {
    const { get, agent } = await startAdmin(t, rules)
    const at = new Date()
    agent.heard = { live: ['ct', 'agents'], at }
    const live = pools.map(({ name, rules }) => ({ name, live: name === 'ct', rules }))
    assert.deepEqual((await get('/pools')).json(), { heardAt: at.toISOString(), pools: live })
  })
})
