// The library against the HAProxy of HAPROXY_BIN. Variables come back as headers of the answers it gives itself.

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Handler,
  int32,
  int64,
  ipv4,
  ipv6,
  type NaturalValue,
  type SpoeServer,
  type SpoeServerOptions,
  setVar,
  uint32,
  uint64,
  unsetVar,
} from '../../agent/haproxy-spoe/index.ts'
import { type Haproxy, startHaproxy, statisticsOf, waitUntil } from '../support/haproxy.ts'
import { freePort } from '../support/ports.ts'
import { startAgent } from './agent-under-test.ts'

interface Setup {
  server: SpoeServer
  haproxy: Haproxy
  codes: () => string[]
  /** Headers of the answer to GET `path`. */
  get(path?: string): Promise<Headers>
}

interface SetupOptions extends SpoeServerOptions {
  /** Lines of the web frontend after its bind and filter. */
  rules: string
  /** The spoe-message and spoe-group sections. */
  messages: string
  /** Names of messages that are sent on their own events. */
  events?: string
  /** Words after the agent's server line. */
  check?: string
  /** Further lines of the spoe-agent section. */
  agent?: string
}

async function setUp(
  t: TestContext,
  { rules, messages, events, check = '', agent = '', ...options }: SetupOptions,
): Promise<Setup> {
  const { server, address, codes } = await startAgent(t, options)
  const web = await freePort()
  const config = `
    global
      log stdout format raw local0
    defaults
      mode http
      log global
      timeout connect 1s
      timeout client 10s
      timeout server 10s
    frontend web
      bind 127.0.0.1:${web}
      filter spoe engine engine config {dir}/spoe.conf
${rules}
    backend origin
      server origin unix@{dir}/origin.sock
    frontend unix
      bind unix@{dir}/origin.sock
      http-request return status 200
    backend agents
      mode tcp
      option spop-check
      timeout check 5s
      server agent ${address.host}:${address.port} ${check}
    `
  const spoe = `
    [engine]
    spoe-agent engine
      ${events ? `messages ${events}` : ''}
      option var-prefix e
      option set-on-error error
      option continue-on-error
      option force-set-var
      no option async
      no option send-frag-payload
      timeout hello 2s
      timeout idle 5s
      timeout processing 2s
      log global
      use-backend agents
${agent}
${messages}
    `
  const haproxy = await startHaproxy({ config, files: { 'spoe.conf': spoe } })
  haproxy.stopAfter(t)
  const get = async (path = '/') => (await fetch(`http://127.0.0.1:${web}${path}`)).headers
  return { server, haproxy, codes, get }
}

test('HAProxy’s samples arrive with their types', async t => {
  const values: Record<string, NaturalValue | undefined> = {}
  const everything: Handler = ({ args }) => {
    for (const name of args.names()) values[name] = args.get(name)
  }
  const { get, codes } = await setUp(t, {
    handlers: { everything },
    rules: '      http-request return status 200',
    events: 'everything',
    messages: `
    spoe-message everything
      args yes=bool(true) no=bool(false) big=int(9007199254740993) negative=int(-5) v4=src v6=ipv6(2001:db8::1) text=path
      args binary=bin(00ff10) missing=req.hdr(x-missing) method=method str(unnamed)
      event on-frontend-http-request`,
  })
  await get('/caf%C3%A9')
  assert.deepEqual(values, {
    yes: true,
    no: false,
    big: 9007199254740993n,
    negative: -5,
    v4: '127.0.0.1',
    v6: '2001:db8::1',
    text: '/caf%C3%A9',
    binary: Buffer.from('00ff10', 'hex'),
    missing: undefined,
    method: 'GET',
    '': 'unnamed',
  })
  assert.deepEqual(codes(), [])
})

test('values of all types reach HAProxy’s variables', async t => {
  const sent = {
    int32: int32(-7),
    uint32: uint32(4294967295),
    int64: int64(-(2n ** 63n)),
    uint64: uint64(2n ** 63n - 1n),
    number: -1234567890123,
    yes: true,
    no: false,
    v4: ipv4('192.0.2.1'),
    v6: ipv6('2001:db8::2'),
    text: 'café',
    long: 'x'.repeat(5000),
    binary: Buffer.from('00ff10', 'hex'),
  }
  const { get } = await setUp(t, {
    handlers: { set: () => Object.entries(sent).map(([name, value]) => setVar('txn', name, value)) },
    events: 'set',
    messages: `
    spoe-message set
      event on-frontend-http-request`,
    rules: `      http-request return status 200 ${Object.keys(sent)
      .map(
        name =>
          `hdr ${name} %[var(txn.e.${name})${{ binary: ',hex', text: ',hex', long: ',length' }[name] ?? ''}]`,
      )
      .join(' ')}`,
  })
  const headers = await get()
  const received = Object.fromEntries(Object.keys(sent).map(name => [name, headers.get(name)]))
  assert.deepEqual(received, {
    int32: '-7',
    uint32: '4294967295',
    int64: '-9223372036854775808',
    uint64: '9223372036854775807',
    number: '-1234567890123',
    yes: '1',
    no: '0',
    v4: '192.0.2.1',
    v6: '2001:db8::2',
    text: '636166C3A9',
    long: '5000',
    binary: '00FF10',
  })
})

test('variables of every scope are set, and unset', async t => {
  const { get } = await setUp(t, {
    handlers: {
      first: () => (['proc', 'sess', 'txn', 'req'] as const).map(scope => setVar(scope, 'v', `in ${scope}`)),
      second: () => (['proc', 'sess', 'txn', 'req'] as const).map(scope => unsetVar(scope, 'v')),
      response: () => [setVar('res', 'v', 'in res')],
    },
    agent: '      groups first second response',
    messages: ['first', 'second', 'response']
      .map(
        name =>
          `    spoe-message ${name}\n      args a=int(1)\n    spoe-group ${name}\n      messages ${name}\n`,
      )
      .join(''),
    rules: `
      http-request send-spoe-group engine first
      http-request set-var(txn.before) str(set),concat(:,proc.e.v),concat(:,sess.e.v),concat(:,txn.e.v),concat(:,req.e.v)
      http-request send-spoe-group engine second
      http-request set-var(txn.after) str(unset),concat(:,proc.e.v),concat(:,sess.e.v),concat(:,txn.e.v),concat(:,req.e.v)
      http-response send-spoe-group engine response
      http-response set-header before %[var(txn.before)]
      http-response set-header after %[var(txn.after)]
      http-response set-header res %[var(res.e.v)]
      default_backend origin`,
  })
  const headers = await get()
  assert.equal(headers.get('before'), 'set:in proc:in sess:in txn:in req')
  assert.equal(headers.get('after'), 'unset::::')
  assert.equal(headers.get('res'), 'in res')
})

/** A group of two messages, "good" and "bad", the variables of which are headers, with the error if there is one. */
const twoMessages = {
  agent: '      groups both',
  messages: `
    spoe-message good
      args path=path
    spoe-message bad
      args path=path
    spoe-group both
      messages bad good`,
  rules: `
      http-request send-spoe-group engine both
      http-request return status 200 hdr good %[var(txn.e.good)] hdr bad %[var(txn.e.bad)] hdr error %[var(txn.e.error)]`,
}

const good: Handler = ({ args }) => [setVar('txn', 'good', args.string('path') ?? '')]

test('two messages of a group are answered together', async t => {
  const bad: Handler = async ({ args }) => [setVar('txn', 'bad', args.string('path') ?? '')]
  const { get } = await setUp(t, { handlers: { good, bad }, ...twoMessages })
  const headers = await get('/a')
  assert.deepEqual([headers.get('good'), headers.get('bad'), headers.get('error')], ['/a', '/a', null])
})

for (const [what, bad, code] of [
  [
    'throws',
    () => {
      throw new Error('boom')
    },
    'boom bad',
  ],
  ['is slow', () => new Promise<undefined>(() => {}), 'SPOE_HANDLER_TIMEOUT bad'],
  ['is missing', undefined, 'SPOE_NO_HANDLER bad'],
] as const) {
  test(`a handler that ${what} leaves the other message of its group alone`, async t => {
    const handlers: Record<string, Handler> = bad ? { good, bad } : { good }
    const { get, codes } = await setUp(t, { handlers, handlerTimeoutMs: 100, ...twoMessages })
    const headers = await get('/a')
    assert.deepEqual([headers.get('good'), headers.get('bad'), headers.get('error')], ['/a', null, null])
    assert.deepEqual(codes(), [code])
  })
}

test('an answer too large for a frame costs no stream but its own', async t => {
  const bad: Handler = ({ args }) =>
    args.string('path') === '/large' ? [setVar('txn', 'bad', 'x'.repeat(16_400))] : []
  const { get, codes } = await setUp(t, { handlers: { good, bad }, ...twoMessages })
  const paths = ['/a', '/large', '/b', '/c', '/large', '/d']
  const answers = await Promise.all(paths.map(async path => (await get(path)).get('good')))
  assert.deepEqual(answers, ['/a', null, '/b', '/c', null, '/d'])
  assert.deepEqual(codes(), ['SPOE_ACK_TOO_BIG', 'SPOE_ACK_TOO_BIG'])
})

test('a late answer, after HAProxy’s own timeout, harms nobody', async t => {
  let late = 0
  const bad: Handler = async ({ args }) => {
    if (args.string('path') !== '/slow') return
    await sleep(300)
    late++
  }
  const { get, codes } = await setUp(t, {
    handlers: { good, bad },
    handlerTimeoutMs: 1000,
    ...twoMessages,
    agent: `${twoMessages.agent}\n      timeout processing 100ms`,
  })
  const given = await get('/slow')
  assert.notEqual(given.get('error'), null)
  assert.equal(late, 0, 'HAProxy gave up first')
  const stillWell = async () => {
    const headers = await get('/fast')
    assert.deepEqual([headers.get('good'), headers.get('error')], ['/fast', null])
  }
  while (late === 0) await stillWell()
  for (let count = 0; count < 20; count++) await stillWell()
  assert.deepEqual(codes(), [])
})

test('many requests at once get each their own answer', async t => {
  const bad: Handler = async ({ args }) => {
    await sleep(Math.random() * 20)
    return [setVar('txn', 'bad', args.string('path') ?? '')]
  }
  const { get, codes } = await setUp(t, { handlers: { good, bad }, ...twoMessages })
  const paths = Array.from({ length: 300 }, (_, index) => `/${index}`)
  const answers = await Promise.all(paths.map(async path => (await get(path)).get('bad')))
  assert.deepEqual(answers, paths)
  assert.deepEqual(codes(), [])
})

async function agentStatus(haproxy: Haproxy): Promise<string | undefined> {
  const { status, check_status: check } = await statisticsOf(haproxy, 'agents/agent')
  return check === 'L7OK' || status?.startsWith('DOWN') ? `${status} ${check}` : undefined
}

test('spop-check finds the agent up, and down once it has closed', async t => {
  const { haproxy, server, codes } = await setUp(t, {
    handlers: { good },
    check: 'check inter 50ms',
    ...twoMessages,
  })
  assert.equal(await waitUntil(() => agentStatus(haproxy)), 'UP L7OK')
  await server.close({ graceMs: 1000 })
  await waitUntil(async () => (await agentStatus(haproxy))?.startsWith('DOWN'))
  assert.deepEqual(codes(), [])
})

test('every request that is running when the agent closes gets its answer', async t => {
  let running = 0
  const { promise: opened, resolve: open } = Promise.withResolvers<void>()
  const bad: Handler = async ({ args }) => {
    running++
    await opened
    return [setVar('txn', 'bad', args.string('path') ?? '')]
  }
  const { get, server, codes } = await setUp(t, {
    handlers: { good, bad },
    handlerTimeoutMs: 5000,
    ...twoMessages,
  })
  const paths = Array.from({ length: 30 }, (_, index) => `/${index}`)
  const answers = Promise.all(paths.map(get))
  await waitUntil(() => running === paths.length)
  const closed = server.close({ graceMs: 1500 })
  open()
  const seen = (await answers).map(headers => `${headers.get('bad')} ${headers.get('error')}`)
  assert.deepEqual(
    seen,
    paths.map(path => `${path} null`),
  )
  await closed
  assert.equal(server.connections, 0)
  assert.deepEqual(codes(), [])
})
