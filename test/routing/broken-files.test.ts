import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { buildRules } from '../../agent/routing/index.ts'
import { problemsOf } from './support.ts'

const broken = `pools:
  a: { calledAE: A B: C }
  b: { calledAE: "" }
rules:
  - name: a colon
    route: a: b
  - name: behind it
    when: { Modalty: CT }
    route: a b
  - name: no brace
    when: { Modality: CT
    route: a
  - name: behind that
    route: 5
  - name: a quote
    description: "of which there is one
    route: a
  - name: in which all of this would be
    when: { callingAE: 0001 }
    route: a
  - name: within braces
    when: { (0008,0060): CT, 1: CT }
    route: 5
  - name: keys
    route: &pool a
    route: b
  - when: { Modality: "CT" }
    route: *pool
  - name: no &anchor
    route: *nothing
  - route: 6
tests:
  - name: a tab
	given: {}
  - name: without one
    expect: { root: a }
default: [a, b c
undecided: 7
`

test('what is no YAML hides nothing but the rule, pool, test or setting in which it is', () => {
  assert.deepEqual(problemsOf({ 'r.yaml': broken }), [
    'r.yaml:2:18: not YAML: Block collections are not allowed within flow collections',
    'r.yaml:3:18: calledAE is empty',
    'r.yaml:6:12: not YAML: a colon too many in this line: quote a text that holds one, put a space behind -',
    'r.yaml:8:13: rule "behind it": "Modalty" is not a DICOM keyword; did you mean Modality?',
    'r.yaml:9:12: rule "behind it": route is no backend of HAProxy: use letters, digits and - _ . : only',
    'r.yaml:12:5: not YAML: Flow map in block collection must be sufficiently indented and end with a }',
    'r.yaml:14:12: rule "behind that": 5 is a number in YAML: quote it: "5"',
    'r.yaml:16:40: not YAML: Missing closing "quote',
    'r.yaml:19:24: rule "in which all of this would be": 0001 is a number in YAML: quote it: "0001"',
    'r.yaml:22:13: quote a tag within braces: { "(0008,0060)": … }',
    'r.yaml:22:30: 1 is a number in YAML: quote it: "1"',
    'r.yaml:26:5: not YAML: this key stands in this map already',
    'r.yaml:30:12: *nothing stands for nothing: no &nothing before it',
    'r.yaml:31:5: rule "#11": name is missing',
    'r.yaml:31:12: rule "#11": 6 is a number in YAML: quote it: "6"',
    'r.yaml:34:1: not YAML: indent with spaces, not with tabs',
    'r.yaml:36:15: test "without one": unknown key "root": expect has rule, route, reject, path, mixed, stick; did you mean route?',
    'r.yaml:38:1: not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
    'r.yaml:38:12: 7 is a number in YAML: quote it: "7"',
  ])
})

// A character more anywhere in one rule of a file that is right.

const before =
  'pools:\n  a: { calledAE: A }\nrules:\n  - name: one\n    when: { Modality: CT }\n    route: a\n'
const rule = `  - name: two
    description: 'all of it'
    when:
      Modality: [CT, MR]
      any: [{ PatientAge: { gte: 018Y } }, { "(0008,0070)": A }]
    route: [a, b]
`
const behind =
  '  - name: three\n    route: a\n    stick: PatientID\ndefault: b\ntests:\n  - { name: x, expect: { route: a } }\n'
/** As `problemsOf` one file, without a folder: this happens thousands of times. */
async function problemsIn(text: string): Promise<string[]> {
  const files = [{ name: 'r.yaml', content: Buffer.from(text) }]
  const built = await buildRules({ folder: '', files, hash: '' }).catch((error: Error) => error)
  return built instanceof Error ? built.message.split('\n') : []
}

const lines = (text: string) => text.split('\n').length - 1

describe('of a file with one character too many, nothing is said of other rules:', () => {
  for (const character of ['"', "'", '[', '}', ':', ',', '-', '*', '|', '#', ' ', '\n', '\t']) {
    test(JSON.stringify(character), async () => {
      for (let place = 0; place < rule.length; place++) {
        const broken = rule.slice(0, place) + character + rule.slice(place)
        for (const problem of await problemsIn(before + broken + behind)) {
          const line = Number(problem.split(':')[1])
          const isInside = line > lines(before) && line <= lines(before + broken)
          assert.ok(isInside || problem.includes(': not YAML: '), `${broken}\n${problem}`)
        }
      }
    })
  }
})
