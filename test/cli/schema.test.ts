import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Ajv } from 'ajv'
import { parse } from 'yaml'
import { allKeywords } from '../../agent/dicom/index.ts'
import { rulesSchema } from '../../agent/routing/json-schema.ts'
import { problemsOf } from '../routing/support.ts'
import { cli, root } from './support.ts'

const schema = JSON.parse(rulesSchema())
const validate = new Ajv({ allErrors: true }).compile(schema)
const isValid = (yaml: string) => validate(parse(yaml, { schema: 'core' }) ?? {})

describe('the JSON Schema', () => {
  test('in agent/rules.schema.json is that of the rules, and not too large for an editor', () => {
    const { code, stdout } = cli(['schema'])
    assert.equal(code, 0)
    const written = readFileSync(join(root, 'agent/rules.schema.json'), 'utf8')
    assert.ok(written === stdout, 'agent/rules.schema.json is stale: run `make rules-schema`')
    assert.ok(written.length < 300_000)
  })

  test('takes every rule file that agents take', () => {
    const files = globSync(['agent/rules/*.yaml', 'test/routing/decisions/*/rules/*.{yaml,yml}'], {
      cwd: root,
    })
    assert.ok(files.length > 10)
    const examples = [
      ...readFileSync(join(root, 'docs/rules.md'), 'utf8').matchAll(/(?<=^```yaml rules\n).*?(?=^```$)/gms),
    ]
    assert.ok(examples.length > 0)
    for (const [yaml] of examples) assert.ok(isValid(yaml), `${yaml}: ${JSON.stringify(validate.errors)}`)
    for (const file of files) {
      assert.ok(
        isValid(readFileSync(join(root, file), 'utf8')),
        `${file}: ${JSON.stringify(validate.errors)}`,
      )
    }
    const [example = ''] =
      readFileSync(join(root, 'README.md'), 'utf8').match(/(?<=^```yaml\n)pools:.*?(?=^```$)/ms) ?? []
    assert.ok(example.includes('rules:') && isValid(example), JSON.stringify(validate.errors))
  })

  const mistakes: [subject: string, yaml: string][] = [
    ['a section', 'rule: []'],
    ['a key of a rule', 'rules: [{ name: R, rout: a }]'],
    ['no name', 'rules: [{ route: a }]'],
    ['no outcome', 'rules: [{ name: R }]'],
    ['two outcomes', 'rules: [{ name: R, route: a, reject: no-reason-given }]'],
    ['a reason', 'rules: [{ name: R, reject: because }]'],
    ['a keyword', 'rules: [{ name: R, when: { Modalty: CT }, route: a }]'],
    ['a fact', 'rules: [{ name: R, when: { callingAe: CT }, route: a }]'],
    ['a number', 'rules: [{ name: R, when: { callingAE: 0001 }, route: a }]'],
    ['no value', 'rules: [{ name: R, when: { Modality: [] }, route: a }]'],
    ['a backend', 'rules: [{ name: R, route: a b }]'],
    ['a transfer syntax', 'pools: { a: { transferSyntaxes: [JPEG] } }'],
    ['a pool', 'pools: { a: { AE: X } }'],
    ['what becomes of others', 'mixed: sometimes'],
    ['a default', 'default: [{}]'],
    ['a reason in a map', 'rules: [{ name: R, reject: { reason: because } }]'],
    ['an operator', 'rules: [{ name: R, when: { Modality: { contain: CT } }, route: a }]'],
    ['within a combination', 'rules: [{ name: R, when: { any: [{ Modalty: CT }] }, route: a }]'],
    ['a time', 'rules: [{ name: R, when: { time: { from: "7:00", zone: UTC } }, route: a }]'],
    ['a combination that is given', 'tests: [{ name: T, given: { not: CT }, expect: { route: a } }]'],
    ['weights', 'rules: [{ name: R, route: { a: many } }]'],
    ['weights by default', 'default: { a: 5, b: 95 }'],
    ['a test', 'tests: [{ name: T, expect: { pool: a } }]'],
    ['what is given', 'tests: [{ name: T, given: { Modalty: CT }, expect: { route: a } }]'],
  ]
  for (const [subject, yaml] of mistakes) {
    test(`shows what is wrong, as agents do: ${subject}`, () => {
      assert.notDeepEqual(problemsOf({ 'r.yaml': yaml }), [])
      assert.ok(!isValid(yaml))
    })
  }

  test('takes every way to write a condition, a default and a test', () => {
    const yaml = `
pools: { a: { transferSyntaxes: [RLE Lossless, 1.2.840.10008.1.2], maxPduLength: 0, calledAE: A } }
rules:
  - name: R
    when: { callingAE: A, Modality: [CT, M*], "(0008,0060)": CT, "(0019,xx10 SIEMENS MR HEADER)": "1", RequestAttributesSequence.ScheduledProcedureStepID: S }
    route: a
    description: all of it
    enabled: false
    stick: [PatientID, callingAE]
  - { name: S, when: { callingAE: S }, route: { new: 5, old: 95 } }
  - name: W
    when:
      any: [{ PatientAge: { gte: 18Y, lt: 65Y } }, { all: [{ Modality: { not: [SR, PR] } }, { not: { Rows: { gt: 512 } } }] }]
      time: { days: [mon, tue], from: "07:00", to: "19:00", zone: Europe/Zurich }
      dimse: C-STORE
      StudyDescription: { contains: head, ignoreCase: true }
    route: a
  - { name: U, when: { callingAE: U }, route: [new, old] }
  - { name: V, when: { callingAE: V }, reject: { reason: no-reason-given, transient: true } }
undecided: a
default: { reject: no-reason-given }
tests:
  - { name: T, given: { Modality: CT, time: 2026-01-31T22:00+01:00 }, expect: { rule: default, reject: no-reason-given } }
`
    assert.ok(isValid(yaml), JSON.stringify(validate.errors))
    assert.deepEqual(problemsOf({ 'r.yaml': yaml }), [])
    for (const short of ['a', '[a, b]']) assert.ok(isValid(`default: ${short}`))
  })

  test('completes every keyword', () => {
    const { properties } = schema.definitions.keys
    assert.ok(allKeywords().length > 5000)
    for (const keyword of [...allKeywords(), 'callingAE', 'sopClass'])
      assert.ok(Object.hasOwn(properties, keyword), keyword)
  })

  test('describes every key', () => {
    const { pools, rules, tests } = schema.properties
    const { keys: _, ...conditions } = schema.definitions
    const maps = [
      schema,
      pools.additionalProperties,
      rules.items,
      tests.items,
      ...Object.values<Record<string, object>>(conditions),
    ]
    for (const { properties = {} } of maps) {
      for (const [key, { description }] of Object.entries<{ description?: string }>(properties))
        assert.ok(description, key)
    }
  })

  test('is named by every rule file of the demo', () => {
    for (const file of globSync('agent/rules/*.yaml', { cwd: root })) {
      const [first] = readFileSync(join(root, file), 'utf8').split('\n')
      assert.equal(first, '# yaml-language-server: $schema=../rules.schema.json', file)
    }
  })
})
