import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { Ajv } from 'ajv'
import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import { badFile } from '../reload/support.ts'
import { startAdmin } from './support.ts'

const rules = `
rules:
  - { name: QA, description: tests, when: { callingAE: QA }, route: { a: 1, b: 2 }, stick: PatientID }
  - { name: X, when: { callingAE: X }, reject: { reason: temporary-congestion, transient: true } }
  - { name: CT, when: { Modality: CT }, route: [a, b] }
undecided: a
`
const sample = readFileSync(new URL('../../dicom-samples/ct-head-1.dcm', import.meta.url))
const dicom = { 'content-type': 'application/dicom' }

interface Document {
  openapi: string
  paths: Record<string, Record<string, Operation>>
}
interface Operation {
  summary?: string
  security?: object[]
  responses: Record<string, { description: string; content: Record<string, { schema: object }> }>
}

describe('/openapi.json', () => {
  test('has every route, with what it is for and who may use it', async t => {
    const { get, app } = await startAdmin(t, rules)
    const { openapi, paths } = (await get('/openapi.json')).json() as Document
    assert.match(openapi, /^3\.1\./)
    const told = Object.entries(paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, { summary, security }]) => {
        assert.ok(summary, path)
        return [`${method.toUpperCase()} ${path}`, security?.length === 0 ? 'everyone' : 'with token']
      }),
    )
    assert.deepEqual(told, [
      ['GET /livez', 'everyone'],
      ['GET /readyz', 'everyone'],
      ['GET /metrics', 'everyone'],
      ['GET /rules', 'with token'],
      ['GET /pools', 'with token'],
      ['POST /explain', 'with token'],
      ['POST /-/reload', 'with token'],
      ['GET /decisions', 'with token'],
    ])
    for (const [route = ''] of told) {
      const [method = '', path = ''] = route.split(' ')
      assert.ok(app.hasRoute({ method: method as 'GET', url: path }), route)
    }
  })

  test('describes every answer as it is', async t => {
    const { app, agent, write } = await startAdmin(t, rules)
    const { paths } = (await app.inject('/openapi.json')).json() as Document
    const ajv = new Ajv({ strict: false, formats: { 'date-time': true } })
    const seen = new Set<string>()

    async function ask(method: 'GET' | 'POST', path: string, options: InjectOptions = {}): Promise<void> {
      const response: LightMyRequestResponse = await app.inject({ method, url: path, ...options })
      const [type = ''] = String(response.headers['content-type']).split(';')
      const what = `${method} ${path} ${response.statusCode} ${type}`
      seen.add(what)
      const content = paths[path]?.[method.toLowerCase()]?.responses[response.statusCode]?.content[type]
      assert.ok(content, what)
      const body = type === 'application/json' ? response.json() : response.body
      assert.ok(ajv.validate(content.schema, body), `${what}: ${ajv.errorsText()}\n${response.body}`)
    }

    agent.decisions.add({
      step: 'dataset',
      id: 'id-1',
      source: '10.0.0.1',
      rule: 'CT',
      backend: 'a',
      headBytes: 300,
    })
    for (const path of ['/livez', '/readyz', '/metrics', '/rules', '/pools', '/decisions'])
      await ask('GET', path)
    const facts = [
      { callingAE: 'QA', Modality: 'CT', PatientID: 'P1' },
      { callingAE: 'X' },
      { Modality: 'MR' },
      { sopClass: 'Verification' },
    ]
    for (const payload of facts) await ask('POST', '/explain', { payload })
    await ask('POST', '/explain', { payload: sample, headers: dicom })
    await ask('POST', '/explain', { payload: 'no file', headers: dicom })
    await ask('POST', '/explain', { payload: { Modality: 'C'.repeat(70_000) } })
    await ask('POST', '/explain', { payload: 'Modality=CT', headers: { 'content-type': 'text/plain' } })
    await ask('GET', '/rules', { remoteAddress: '10.0.0.1' })
    await ask('POST', '/-/reload')
    write(badFile)
    await ask('POST', '/-/reload')
    await ask('GET', '/rules')
    agent.heard = { live: ['a'], at: new Date() }
    await ask('GET', '/pools')
    agent.phase = 'stopping'
    await ask('GET', '/readyz')
    assert.deepEqual(
      [...seen].map(what => what.replace(/ \S+$/, '')),
      [
        'GET /livez 200',
        'GET /readyz 200',
        'GET /metrics 200',
        'GET /rules 200',
        'GET /pools 200',
        'GET /decisions 200',
        'POST /explain 200',
        'POST /explain 400',
        'POST /explain 413',
        'POST /explain 415',
        'GET /rules 403',
        'POST /-/reload 200',
        'POST /-/reload 422',
        'GET /readyz 503',
      ],
    )
  })
})
