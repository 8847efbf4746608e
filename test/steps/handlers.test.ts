import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Args, SetVar, SpoeMessage } from 'haproxy-spoe'
import { pino } from 'pino'
import {
  type AssociateRq,
  abortReasons,
  decodeAbort,
  decodeAssociateRq,
  encodeAssociateRq,
  pduHeaderLength,
} from '../../agent/dicom/index.ts'
import { createHandlers } from '../../agent/handlers.ts'
import { declared, type Knowledge } from '../../agent/negotiation/index.ts'
import type { Site } from '../../agent/steps/answer.ts'
import { mutations, prefixes } from '../dicom/support.ts'
import { request } from '../negotiation/support.ts'
import { rulesOf } from '../routing/support.ts'
import { implicitDataset, storeRq } from '../support/messages.ts'
import { promisedPdu, site } from './support.ts'

interface Message {
  rq?: Buffer
  promise?: Buffer
  head?: Buffer
  /** an address of HAProxy's, or ... */
  src?: string
  /** ... the text of one */
  srcText?: string
  bound?: string
  boundBy?: string
  mixed?: string
  live?: string
  at?: string | undefined
}

const noon = Date.UTC(2024, 0, 31, 12)

/** What HAProxy sends and gets, without the protocol between: variables by name, and the lines of the log. */
function harness(current = () => site, now = () => noon) {
  const lines: string[] = []
  const handlers = createHandlers(
    current,
    pino({ base: null, timestamp: false }, { write: line => lines.push(line) }),
    undefined,
    undefined,
    undefined,
    now,
  )
  async function ask(step: string, message: Message): Promise<Record<string, unknown>> {
    const args: Pick<Args, 'bytes' | 'string' | 'ip'> = {
      bytes: name => message[name as 'rq' | 'promise' | 'head'],
      string: name => {
        const { srcText: src, bound, boundBy: bound_by, mixed, live } = message
        const at = 'at' in message ? message.at : String(noon)
        return { id: 'id-1', src, bound, bound_by, mixed, live, at }[name]
      },
      ip: name => (name === 'src' ? message.src : undefined),
    }
    const handler = handlers[step]
    assert.ok(handler)
    const actions = (await handler({ args } as unknown as SpoeMessage)) as SetVar[]
    for (const { type, scope } of actions) assert.deepEqual([type, scope], ['set-var', 'txn'])
    return Object.fromEntries(actions.map(({ name, value }) => [name, value]))
  }
  return { ask, lines, logged: (): unknown => JSON.parse(lines.at(-1) ?? '') }
}

const body = (rq: Partial<AssociateRq> = {}) => encodeAssociateRq(request(rq)).subarray(pduHeaderLength)
const ct = implicitDataset({
  '00080060': 'CT',
  '00100010': 'SECRET^NAME',
  '00100020': 'SECRET-4711',
  '0020000d': '1.2',
})

describe('the variables and the log line of', () => {
  const { ask, logged } = harness()
  const id = 'id-1'
  const names = { calling: 'SCU', called: 'SCP' }

  test('a direct association', async () => {
    const { key, offer, ...told } = await ask('associate', {
      rq: body({ calledAE: 'ARCH' }),
      src: '192.0.2.1',
    })
    const common = { calling: 'SCU', called: 'ARCH', path: 'direct', rule: 'archive', backend: 'archive' }
    assert.deepEqual(told, common)
    assert.ok(typeof key === 'string' && Buffer.isBuffer(offer))
    assert.deepEqual(logged(), { level: 30, id, step: 'associate', source: '192.0.2.1', ...common })
  })

  test('a delayed one', async () => {
    const { promise, at, ...told } = await ask('associate', { rq: body(), src: '192.0.2.1' })
    assert.ok(Buffer.isBuffer(promise))
    assert.equal(at, String(noon))
    assert.deepEqual(told, { ...names, path: 'delayed' })
    assert.deepEqual(logged(), {
      level: 30,
      id,
      step: 'associate',
      source: '192.0.2.1',
      ...names,
      path: 'delayed',
      waitsFor: 'CT',
    })
  })

  test('a refused one, from no address', async () => {
    const { answer, ...told } = await ask('associate', { rq: body({ calledAE: 'NOBODY' }) })
    const common = { calling: 'SCU', called: 'NOBODY', path: 'refused', refusal: 'no-rule' }
    assert.ok(Buffer.isBuffer(answer))
    assert.deepEqual(told, common)
    assert.deepEqual(logged(), { level: 30, id, step: 'associate', source: '', ...common })
  })

  test('an A-ASSOCIATE-RQ that is none', async () => {
    const { answer, ...told } = await ask('associate', { rq: body().subarray(0, 90) })
    assert.deepEqual(told, { path: 'refused', refusal: 'malformed-request' })
    assert.deepEqual(decodeAbort((answer as Buffer).subarray(pduHeaderLength)), abortReasons['service-user'])
    const detail = 'item 10H: overrun at offset 68'
    assert.deepEqual(logged(), { level: 30, id, step: 'associate', source: '', ...told, detail })
  })

  test('a dataset', async () => {
    const { key, offer, attributes, ...told } = await ask('dataset', {
      rq: body(),
      promise: promisedPdu,
      head: storeRq(ct),
    })
    assert.deepEqual(told, { rule: 'CT', backend: 'ct', mixed: 'refuse' })
    assert.deepEqual(attributes, Buffer.from('0008006000080080', 'hex'))
    assert.match(String(key), /^[\w-]{43}$/)
    assert.equal(decodeAssociateRq((offer as Buffer).subarray(pduHeaderLength)).calledAE, 'CT_ARCHIVE')
    assert.deepEqual(logged(), { level: 30, id, step: 'dataset', source: '', ...told, headBytes: 50 })
  })

  test('a message that is none', async () => {
    const { answer, ...told } = await ask('dataset', {
      rq: body(),
      promise: promisedPdu,
      head: Buffer.from('070000000000', 'hex'),
    })
    assert.deepEqual(told, { refusal: 'malformed-dataset' })
    const reason = abortReasons['invalid-pdu-parameter-value']
    assert.deepEqual(decodeAbort((answer as Buffer).subarray(pduHeaderLength)), reason)
    const detail = 'PDU-type: unexpected-pdu at offset 0'
    assert.deepEqual(logged(), { level: 30, id, step: 'dataset', source: '', ...told, detail })
  })
})

describe('the variables and the log line of a later instance', () => {
  const { ask, logged } = harness()
  const common = { rq: body(), promise: promisedPdu, bound: 'ct', boundBy: 'CT' }
  const mr = storeRq(implicitDataset({ '00080060': 'MR', '00100020': 'SECRET-4711' }))
  const line = { level: 30, id: 'id-1', step: 'instance', source: '', bound: 'ct' }

  test('that belongs where the first one went', async () => {
    const told = await ask('instance', { ...common, head: storeRq(ct), mixed: 'refuse' })
    assert.deepEqual(told, { verdict: 'pass', rule: 'CT' })
    assert.deepEqual(logged(), { ...line, ...told, pool: 'ct', headBytes: 50 })
  })

  test('that does not', async () => {
    const told = await ask('instance', { ...common, head: mr, mixed: 'refuse' })
    assert.deepEqual(told, { verdict: 'refuse', rule: 'other images', refusal: 'other-pool' })
    assert.deepEqual(logged(), { ...line, ...told, pool: 'general', headBytes: 30 })
  })

  test('that does not, and may follow', async () => {
    const told = await ask('instance', { ...common, head: mr, mixed: 'follow' })
    assert.deepEqual(told, { verdict: 'follow', rule: 'other images' })
    assert.deepEqual(logged(), { ...line, ...told, pool: 'general', headBytes: 30 })
  })

  test('that is none, even if all may follow', async () => {
    const head = Buffer.from('070000000000', 'hex')
    const told = await ask('instance', { ...common, head, mixed: 'follow' })
    assert.deepEqual(told, { verdict: 'refuse', refusal: 'malformed-dataset' })
    assert.deepEqual(logged(), { ...line, ...told, detail: 'PDU-type: unexpected-pdu at offset 0' })
  })

  test('from an address in either form', async () => {
    for (const from of [{ src: '10.1.2.3' }, { srcText: '10.1.2.3' }]) {
      const told = await ask('instance', { ...common, ...from, head: storeRq(ct), mixed: 'refuse' })
      assert.deepEqual(told, { verdict: 'refuse', rule: 'sites', refusal: 'other-pool' })
      assert.deepEqual(logged(), { ...line, ...told, source: '10.1.2.3', pool: 'general', headBytes: 50 })
    }
  })
})

describe('handlers', () => {
  test('read which pools are live, and take all for live where HAProxy does not say', async () => {
    const { ask } = harness()
    const backend = async (live?: string) => {
      const message = { rq: body({ calledAE: 'LISTED' }), ...(live === undefined ? {} : { live }) }
      return (await ask('associate', message)).backend
    }
    assert.equal(await backend('agents general archive ct'), 'archive')
    assert.equal(await backend('agents general ct'), 'general')
    assert.equal(await backend('agents'), 'archive')
    assert.equal(await backend(''), 'archive')
    assert.equal(await backend(), 'archive')
  })

  test('judge all of an association by the time of its first question', async () => {
    const ruleSet = rulesOf({
      'r.yaml': `rules:
  - { name: day, when: { time: { to: "18:00", zone: UTC }, Modality: CT }, route: day }
default: night
`,
    })
    let now = noon
    const { ask } = harness(
      () => ({ ...site, ruleSet }),
      () => now,
    )
    const { promise, at } = await ask('associate', { rq: body() })
    now += 8 * 3600_000
    const delayed = { rq: body(), promise: promise as Buffer, head: storeRq(ct), at: String(at) }
    assert.equal((await ask('dataset', delayed)).backend, 'day')
    const later = { ...delayed, bound: 'day', boundBy: 'day', mixed: 'refuse' }
    assert.equal((await ask('instance', later)).verdict, 'pass')
    assert.equal((await ask('associate', { rq: body() })).backend, 'night')
  })

  test('say which argument HAProxy did not send', async () => {
    const { ask } = harness()
    const missing = (name: string) =>
      new TypeError(`no ${name} in the message: is spoe-dicom.conf of this version?`)
    await assert.rejects(ask('associate', {}), missing('rq'))
    await assert.rejects(ask('dataset', { rq: body(), at: undefined }), missing('at'))
    await assert.rejects(ask('dataset', { rq: body() }), missing('promise'))
    await assert.rejects(ask('dataset', { rq: body(), promise: promisedPdu }), missing('head'))
    const instance = { rq: body(), promise: promisedPdu, head: storeRq(ct) }
    await assert.rejects(ask('instance', instance), missing('bound'))
    await assert.rejects(ask('instance', { ...instance, bound: 'ct' }), missing('bound_by'))
    await assert.rejects(ask('instance', { ...instance, bound: 'ct', boundBy: 'CT' }), missing('mixed'))
  })

  test('answer an A-ASSOCIATE-RQ cut or changed anywhere, always with a path', async () => {
    const { ask } = harness()
    const rq = body({
      userIdentity: {
        type: 1,
        positiveResponseRequested: false,
        primary: Buffer.from('ann'),
        secondary: Buffer.alloc(0),
      },
    })
    for (const bytes of [...prefixes(rq), ...mutations(rq)]) {
      const { path, backend, promise, answer } = await ask('associate', { rq: bytes })
      const given = { direct: backend, delayed: promise, refused: answer }[String(path)]
      assert.notEqual(given, undefined, bytes.toString('hex'))
    }
  })

  test('answer a message cut or changed anywhere, with a backend or a refusal, and log nothing of the patient', async () => {
    const { ask, lines } = harness()
    const head = storeRq(ct)
    const keys = new Set<string>()
    for (const bytes of [...prefixes(head), ...mutations(head)]) {
      const { backend, answer, key } = await ask('dataset', { rq: body(), promise: promisedPdu, head: bytes })
      assert.notEqual(backend === undefined, answer === undefined, bytes.toString('hex'))
      if (key !== undefined) keys.add(String(key))
    }
    const log = lines.join('')
    assert.ok(keys.size > 0 && lines.length > 1000)
    assert.doesNotMatch(log, /SECRET|4711|NAME/)
    for (const key of keys) assert.ok(!log.includes(key), 'a key is in the log')
  })

  test('answer an instance cut or changed anywhere, always with a verdict, and log nothing of the patient', async () => {
    const { ask, lines } = harness()
    const head = storeRq(ct)
    const verdicts = new Set<unknown>()
    const association = { rq: body(), promise: promisedPdu, bound: 'ct', boundBy: 'CT' }
    for (const bytes of [...prefixes(head), ...mutations(head)]) {
      for (const mixed of ['refuse', 'follow']) {
        const { verdict, refusal, backend } = await ask('instance', { ...association, head: bytes, mixed })
        assert.equal(verdict === 'refuse', refusal !== undefined, bytes.toString('hex'))
        assert.equal(backend, undefined)
        verdicts.add(verdict)
      }
    }
    assert.deepEqual([...verdicts].sort(), ['follow', 'pass', 'refuse'])
    assert.ok(lines.length > 1000)
    assert.doesNotMatch(lines.join(''), /SECRET|4711|NAME/)
  })

  test('log no value that an association sticks to, user identity or PDU', async () => {
    const { ask, lines } = harness()
    const userIdentity = {
      type: 2,
      positiveResponseRequested: false,
      primary: Buffer.from('SECRET-user'),
      secondary: Buffer.from('SECRET-word'),
    }
    const { key } = await ask('associate', { rq: body({ calledAE: 'ARCH', userIdentity }) })
    assert.equal(lines.length, 1)
    assert.doesNotMatch(lines[0] ?? '', /SECRET|Buffer|offer|answer/)
    assert.ok(!lines[0]?.includes(String(key)))
  })

  test('ask once for each message what holds now, so that none sees two rule sets', async () => {
    let asked = 0
    const { ask } = harness(() => {
      asked++
      return site
    })
    const association = { rq: body(), promise: promisedPdu, head: storeRq(ct) }
    await ask('associate', association)
    await ask('dataset', association)
    await ask('instance', { ...association, bound: 'ct', boundBy: 'CT', mixed: 'refuse' })
    assert.equal(asked, 3)
  })

  test('let no AE title forge a line of a log, of the agent or of HAProxy', async () => {
    const { ask, lines } = harness()
    const titles = ['A\n{"level":50}', 'A\r\nB', '\x1b[31mA', 'A\0B', 'A\x7fB', 'A\u0085\u009bB', 'ÄÖÜ']
    for (const title of titles) {
      const { calling, called } = await ask('associate', { rq: body({ callingAE: title, calledAE: title }) })
      for (const told of [calling, called]) assert.match(String(told), /^[\x20-\x7e]{1,16}$/)
    }
    assert.equal(lines.length, titles.length)
    for (const line of lines) {
      assert.match(line, /^[\x20-\x7e]+\n$/)
      assert.equal(JSON.parse(line).level, 30)
    }
  })
})

test('a step that waits for what a pool accepts ends by the rules with which it began, whatever is loaded meanwhile', async () => {
  const asked: string[] = []
  const knowledge: Knowledge = {
    of: pool => (asked.includes(pool) ? { accepts: declared({}) } : undefined),
    ask: async pool => {
      asked.push(pool)
      current = { ...site, knowledge, ruleSet: rulesOf({ 'r.yaml': 'default: after\n' }) }
    },
    forget: () => {},
    forgetStale: () => {},
    refresh: () => {},
  }
  const before = rulesOf({ 'r.yaml': 'rules: [{ name: CT, when: { Modality: CT }, route: before }]\n' })
  let current: Site = { ...site, knowledge, ruleSet: before }
  const { ask } = harness(() => current)
  const rq = body()
  const { path, backend } = await ask('learn', { rq })
  assert.deepEqual([path, backend, asked], ['delayed', undefined, ['before']])
  assert.deepEqual((await ask('learn', { rq })).backend, 'after')
})
