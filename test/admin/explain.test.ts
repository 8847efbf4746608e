import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { describe, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { FILE_LIMIT } from '../../agent/admin/explain.ts'
import { cli, folderOf } from '../cli/support.ts'
import { startAdmin } from './support.ts'

const samples = globSync(fileURLToPath(new URL('../../dicom-samples/*.dcm', import.meta.url)))
const sample = readFileSync(samples.find(file => file.endsWith('ct-head-1.dcm')) ?? '')

const rules = `
rules:
  - { name: QA, when: { callingAE: QA, source: 10.0.0.0/8 }, route: qa }
  - { name: strangers, when: { callingAE: "TEST*" }, reject: calling-ae-title-not-recognized }
  - { name: night, when: { time: { from: "20:00", to: "06:00", zone: UTC }, Modality: CT }, route: night }
  - { name: CT, when: { Modality: CT, Rows: { gte: 8 } }, route: [ct, spare], stick: PatientID }
  - { name: MR, when: { Modality: MR, PatientName: "*" }, route: mr }
`
const noon = '2026-01-31T12:00Z'

async function begin(t: TestContext) {
  const { post, logged } = await startAdmin(t, rules)
  return {
    logged,
    facts: (facts: unknown) => post('/explain', { payload: facts as object }),
    file: (bytes: Buffer | Readable, query: Record<string, string> = {}) =>
      post('/explain', { query, headers: { 'content-type': 'application/dicom' }, payload: bytes }),
  }
}

describe('POST /explain', () => {
  test('of facts tells rule, path, route and stick key, and why no rule before', async t => {
    const { facts } = await begin(t)
    const given = { callingAE: 'CT_1', time: noon, Modality: 'CT', Rows: 512, PatientID: 'P1' }
    const { statusCode, headers, ...response } = await facts(given)
    assert.equal(statusCode, 200)
    assert.match(String(headers['content-type']), /^application\/json/)
    const { rules: why, key, ...told } = response.json()
    assert.deepEqual(told, {
      path: 'delayed',
      rule: 'CT',
      route: 'ct',
      pools: ['ct', 'spare'],
      mixed: 'refuse',
      stick: ['P1'],
      waitedFor: 'CT',
    })
    assert.match(key, /^[\w-]{43}$/)
    const truths = why.map(({ rule, truth }: { rule: string; truth: unknown }) => [rule, truth])
    assert.deepEqual(truths, [
      ['QA', false],
      ['strangers', false],
      ['night', false],
      ['CT', true],
    ])
    assert.deepEqual(why[0].conditions[0], {
      text: 'callingAE: QA',
      truth: false,
      found: [{ name: 'callingAE', state: 'present', values: ['CT_1'] }],
    })
    const again = (await facts({ ...given, PatientID: 'P2' })).json()
    assert.notEqual(again.key, key)
  })

  test('of facts that need no dataset is direct, and of a refusal tells the reason', async t => {
    const { facts } = await begin(t)
    const direct = (await facts({ callingAE: 'QA', source: '10.1.2.3' })).json()
    assert.deepEqual([direct.path, direct.rule, direct.route], ['direct', 'QA', 'qa'])
    const { path, rule, reject, key } = (await facts({ callingAE: 'TEST-1' })).json()
    assert.deepEqual(
      [path, rule, reject, key],
      ['direct', 'strangers', 'calling-ae-title-not-recognized', undefined],
    )
    const nobody = (await facts({ sopClass: 'Verification', time: noon })).json()
    assert.deepEqual([nobody.rule, nobody.reject], [undefined, 'no-rule'])
  })

  test('of a file says what the command does, of every sample', async t => {
    const { file } = await begin(t)
    const folder = folderOf({ 'rules.yaml': rules })
    const { stdout } = cli(['explain', '--json', '--time', noon, '--rules', folder, ...samples])
    const expected = JSON.parse(stdout).files as { file: string }[]
    assert.equal(expected.length, samples.length)
    for (const { file: path, ...explained } of expected) {
      const { key: _, ...told } = (await file(readFileSync(path), { time: noon })).json()
      const ours = JSON.stringify(told, (name, value) => (name === 'file' ? undefined : value))
      assert.equal(
        ours,
        JSON.stringify(explained, (name, value) => (name === 'file' ? undefined : value)),
        path,
      )
    }
  })

  test('takes the sender and the time of a file from the query', async t => {
    const { file } = await begin(t)
    const rule = async (query: Record<string, string>) => (await file(sample, query)).json().rule
    assert.equal(await rule({ time: noon }), 'CT')
    assert.equal(await rule({ time: '2026-01-31T22:00Z' }), 'night')
    assert.equal(await rule({ callingAE: 'QA', source: '10.0.0.1' }), 'QA')
    assert.equal(await rule({ callingAE: 'TEST1' }), 'strangers')
  })

  test('reads a large file, and keeps of it no more than rules look at', async t => {
    const { file } = await begin(t)
    const before = process.memoryUsage().arrayBuffers
    const mebibyte = Buffer.alloc(1 << 20)
    const large = function* () {
      yield sample
      for (let count = 0; count < 200; count++) yield mebibyte
    }
    const response = await file(Readable.from(large()), { time: noon })
    assert.deepEqual([response.statusCode, response.json().rule], [200, 'CT'])
    assert.ok(process.memoryUsage().arrayBuffers - before < 100 << 20)
  })

  test('leaves no trace: no log, no decision, no hit', async t => {
    const { post, get, agent, logged } = await startAdmin(t, rules)
    const lines = logged.length
    await post('/explain', { payload: { Modality: 'CT', PatientID: 'SECRET' } })
    await post('/explain', { payload: { Modalty: 'SECRET' } })
    const headers = { 'content-type': 'application/json' }
    await post('/explain', { headers, payload: '{"PatientID": "SECRET' })
    assert.equal(logged.length, lines)
    assert.deepEqual(agent.decisions.latest, [])
    assert.doesNotMatch((await get('/metrics')).body, /SECRET|rule="CT"/)
  })

  const wrong: [what: string, facts: unknown, says: RegExp][] = [
    ['a keyword that is none', { Modalty: 'CT' }, /^Modalty: .*did you mean Modality\?$/],
    ['a fact that is none', { calingAE: 'CT' }, /^calingAE: .*did you mean callingAE\?$/],
    ['an address that is none', { source: 'here' }, /^source: "here" is no address, such as /],
    ['a time without an offset', { time: '12:00' }, /^time: must be a moment with its offset, such as /],
    ['two AE titles', { calledAE: ['A', 'B'] }, /^calledAE: an association has one$/],
    ['several mistakes', { source: 'x', Modalty: 'CT' }, /^source: .*; Modalty: /],
    ['a map', { Modality: { is: 'CT' } }, /^body\/Modality must be string,number,array$/],
    ['a list', ['CT'], /^body must be object$/],
  ]
  for (const [what, given, says] of wrong) {
    test(`says what is wrong with ${what}`, async t => {
      const { facts } = await begin(t)
      const response = await facts(given)
      assert.equal(response.statusCode, 400)
      assert.match(response.json().error, says)
    })
  }

  test('says what is wrong with a body, a file or a query', async t => {
    const { post } = await startAdmin(t, rules)
    const told = async (type: string | undefined, payload: Buffer | Readable | string, query = {}) => {
      const headers = type === undefined ? {} : { 'content-type': type }
      const response = await post('/explain', { headers, payload, query })
      return `${response.statusCode} ${response.json().error}`
    }
    const dicom = 'application/dicom'
    assert.match(await told('application/json', '{'), /^400 Body is not valid JSON/)
    assert.match(await told('application/json', `{"Modality": "${'C'.repeat(70_000)}"}`), /^413 .*too large/)
    assert.match(
      await told('application/x-www-form-urlencoded', 'Modality=CT'),
      /^415 send facts as .*json.*dicom/,
    )
    assert.match(await told(dicom, Buffer.from('Modality: CT')), /^400 .* not a DICOM file/)
    assert.match(await told(dicom, sample.subarray(0, 140)), /^400 Transfer Syntax UID/)
    assert.match(
      await told(dicom, sample, { caling: 'CT' }),
      /^400 querystring must NOT have additional properties/,
    )
    assert.match(await told(dicom, sample, { source: 'x' }), /^400 source: "x" is no address/)
    const endless = function* () {
      for (let size = 0; size <= FILE_LIMIT; size += 1 << 20) yield Buffer.alloc(1 << 20)
    }
    assert.match(await told(dicom, Readable.from(endless())), /^413 .* its beginning is enough/)
  })
})
