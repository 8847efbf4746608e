import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'

// what browsers get
const words: string = '../../agent/admin/console/words.js'
const { sentenceOf, outcomeOf, verdictOf } = await import(words)

const association = { step: 'associate' }
const instance = { step: 'instance', bound: 'ct' }
const ofMr = { ...instance, rule: 'MR', pool: 'mr' }

const decisions: [object, string][] = [
  [
    { ...association, path: 'direct', rule: 'QA', backend: 'qa' },
    'to pool qa by rule “QA”, from its association alone',
  ],
  [{ ...association, path: 'delayed', waitsFor: 'CT' }, 'waits for its first dataset, which rule “CT” needs'],
  [
    { ...association, path: 'refused', refusal: 'no-rule' },
    'refused: no rule matches, and there is no default',
  ],
  [
    { ...association, path: 'refused', rule: 'CT', refusal: 'pacs-rejected' },
    'refused: the pools have refused the association of this client (rule “CT”)',
  ],
  [
    { ...association, path: 'refused', rule: 'X', refusal: 'temporary-congestion' },
    'refused by rule “X”: temporary-congestion',
  ],
  [{ step: 'dataset', rule: 'CT', backend: 'ct', headBytes: 300 }, 'to pool ct by rule “CT”'],
  [
    { ...instance, rule: 'CT', pool: 'ct', verdict: 'pass' },
    'a later instance passes to pool ct by rule “CT”',
  ],
  [
    { ...ofMr, verdict: 'follow' },
    'a later instance follows the first to pool ct, though the rules say pool mr by rule “MR”',
  ],
  [
    { ...instance, verdict: 'follow' },
    'a later instance follows the first to pool ct, though the rules refuse it',
  ],
  [
    { ...ofMr, verdict: 'refuse', refusal: 'other-pool' },
    'a later instance refused: it belongs to another pool than the first of its association, and is to be sent again (rule “MR”)',
  ],
  [
    { step: 'dataset', rule: 'shadow', backend: 'old', shadowRule: 'CT', shadowPool: 'ct' },
    'to pool old in shadow mode; the rules say pool ct by rule “CT”',
  ],
  [
    { ...instance, verdict: 'follow', shadowRefusal: 'no-rule' },
    'a later instance to pool ct in shadow mode; the rules say refused: no rule matches, and there is no default',
  ],
]

describe('the words of the console', () => {
  for (const [decision, text] of decisions) {
    test(`say "${text}"`, () => assert.equal(sentenceOf(decision).text, text))
  }

  test('explain every refusal that agents answer with, but those that a rule says', () => {
    const files = ['accepting', 'associate', 'dataset', 'instance', 'judge'].map(name => `steps/${name}`)
    const code = [...files, 'handlers'].map(name =>
      readFileSync(new URL(`../../agent/${name}.ts`, import.meta.url), 'utf8'),
    )
    const refusals = [...code.join('').matchAll(/refusal: '([a-z-]+)'/g)].map(([, refusal]) => refusal)
    assert.ok(refusals.length > 10)
    for (const refusal of refusals) {
      assert.notEqual(sentenceOf({ step: 'associate', refusal }).text, `refused: ${refusal}`)
    }
  })

  test('say what rules do', () => {
    const route = { pools: ['a', 'b'] }
    assert.equal(outcomeOf({ route, mixed: 'refuse', stick: false }), 'to a, else b')
    assert.equal(
      outcomeOf({ route: { ...route, weights: [5, 95] }, mixed: 'follow', stick: true }),
      'to a (5), b (95), sticks, mixed: follow',
    )
    const reject = { reason: 'temporary-congestion', transient: true }
    assert.equal(outcomeOf({ reject }), 'rejects: temporary-congestion, to be tried again')
  })

  test('say where something would go', () => {
    const told = { path: 'delayed', rule: 'CT', route: 'ct', pools: ['ct', 'spare'], stick: ['P1', 'CT'] }
    assert.equal(
      verdictOf(told),
      'To pool ct of ct, spare, by rule “CT”, when its dataset is there; all of P1, CT goes to the same node.',
    )
    assert.equal(
      verdictOf({ path: 'direct', reject: 'no-rule' }),
      'Refused (no-rule), no rule matches, from its association alone.',
    )
  })
})
