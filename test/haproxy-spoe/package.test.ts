// The library as its users get it: packed, installed into an empty project, and the examples of its README.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { start } from '../../deploy/local/processes.ts'
import { startHaproxy, waitUntil } from '../support/haproxy.ts'
import { installPacked, type UserProject } from '../support/packed.ts'
import { freePort } from '../support/ports.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const readme = readFileSync(join(root, 'agent/haproxy-spoe/README.md'), 'utf8')

/** The code, haproxy.cfg and the engine's configuration below a heading of the README. */
function exampleOf(heading: string) {
  const [, section = ''] = readme.match(new RegExp(`^## ${heading}.*?\n(.*?)^## `, 'ms')) ?? []
  const blocks = [...section.matchAll(/^```(?:ts|haproxy)\n(.*?)^```$/gms)].map(([, block = '']) => block)
  assert.equal(blocks.length, 3)
  const [code = '', config = '', engine = ''] = blocks
  return { code, config, engine }
}

const http = exampleOf('HTTP')
const tcp = exampleOf('TCP')

async function listening(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

/** Rejects where nobody listens. */
async function answers(port: number): Promise<true> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.destroy()
  return true
}

describe('haproxy-spoe, packed and installed', { timeout: 120_000 }, () => {
  let project: UserProject
  before(() => {
    project = installPacked('agent/haproxy-spoe')
  })
  after(() => project.remove())

  /** Starts an example with other ports, and returns the one that it serves. */
  async function startExample(
    t: TestContext,
    { code, config, engine }: typeof http,
    servers: Readonly<Record<string, number>>,
  ): Promise<number> {
    const [spop, port] = [await freePort(), await freePort()]
    const agent = await start({
      name: 'agent',
      command: [process.execPath, project.write('agent.ts', code.replace('12345', String(spop)))],
    })
    t.after(() => agent.stop())
    await waitUntil(() => answers(spop))
    const [, file = ''] = config.match(/ config (\w+\.conf)/) ?? []
    const placed = Object.entries({ ...servers, 8080: port, 12345: spop }).reduce(
      (text, [from, to]) => text.replace(`:${from}`, `:${to}`),
      config.replace(` config ${file}`, ` config {dir}/${file}`),
    )
    const haproxy = await startHaproxy({ config: placed, files: { [file]: engine } })
    haproxy.stopAfter(t)
    return port
  }

  test('holds compiled JavaScript, declarations, README, CHANGELOG and LICENSE, and no source', () => {
    const installed = join(project.folder, 'node_modules/haproxy-spoe')
    const files = project.run('find', installed, '-type', 'f', '-printf', '%P\n').trim().split('\n')
    const others = files.filter(file => !/^dist\/[\w-]+(\.d\.ts|\.js)$/.test(file))
    assert.deepEqual(others.sort(), ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'])
    for (const file of ['dist/index.js', 'dist/index.d.ts']) assert.ok(files.includes(file))
  })

  test('has declarations against which the examples compile, and which find a mistake', () => {
    const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')]
    const compile = (...files: string[]) =>
      project.run(
        'tsc',
        '--strict',
        '--noEmit',
        '--module',
        'nodenext',
        '--target',
        'es2024',
        ...types,
        ...files,
      )
    compile(project.write('http.ts', http.code), project.write('tcp.ts', tcp.code))
    const wrong = project.write('wrong.ts', http.code.replace("'txn'", "'transaction'"))
    assert.throws(() => compile(wrong), /wrong\.ts\(5,.*"transaction"' is not assignable/)
  })

  for (const [address, status] of [
    ['192.0.2.7', 200],
    ['127.0.0.1', 403],
  ] as const) {
    test(`the HTTP example answers ${status} when ${address} is blocked`, async t => {
      const app = await listening(
        t,
        createHttpServer((_, response) => response.end()),
      )
      const code = http.code.replace('192.0.2.7', address)
      const port = await startExample(t, { ...http, code }, { 8081: app })
      assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, status)
    })
  }

  test('the TCP example leads to the backend that the first byte is for', async t => {
    const named = (name: string) => createServer(socket => socket.resume().end(name))
    const [tls, plain] = [await listening(t, named('tls')), await listening(t, named('plain'))]
    const port = await startExample(t, tcp, { 8081: tls, 8082: plain })
    const ask = (first: string) => text(connect(port, '127.0.0.1').end(first, 'latin1'))
    assert.equal(await ask('\x16\x03\x01'), 'tls')
    assert.equal(await ask('HELO\r\n'), 'plain')
  })
})
