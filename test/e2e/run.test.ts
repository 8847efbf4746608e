import assert from 'node:assert/strict'
import { globSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { demo, folderOf, portOf } from '../../deploy/local/demo.ts'
import { readPacsFile } from '../../deploy/local/pacs-file.ts'
import { obstacle } from '../../deploy/local/ports.ts'
import { type Running, start } from '../../deploy/local/processes.ts'
import { dcmtk } from '../support/dcmtk.ts'
import { waitUntil } from '../support/haproxy.ts'
import { refusePatients } from '../support/patients.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const servers = readPacsFile(demo.pacsFile)
const agents = [9001, 9002, 9101, 9102]
const ports = [
  demo.dicomPort,
  demo.statsPort,
  demo.guardPort,
  portOf(demo.gateway),
  ...agents,
  ...servers.map(({ port }) => port),
]

/** In the environment of all that this test starts, and of nothing else. */
const mark = { RUN_TEST: `${process.pid}-${Date.now()}` }

/** The processes that carry the mark, whoever their parents are now. */
function marked(): string[] {
  return readdirSync('/proc').filter(pid => {
    if (!/^\d+$/.test(pid)) return false
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`RUN_TEST=${mark.RUN_TEST}`)
    } catch {
      return false // it has just ended, or is another user's
    }
  })
}

async function taken(): Promise<number[]> {
  const obstacles = await Promise.all(ports.map(obstacle))
  return ports.filter((_, index) => obstacles[index])
}

function makeRun(): Promise<Running> {
  return start({
    name: 'make run',
    command: ['make', '-s', 'run'],
    env: { ...mark, STATS_PASSWORD: 'run-test' },
    // as on a terminal, where Ctrl-C reaches make and run.ts
    ownGroup: true,
  })
}

// The demo has fixed ports: somebody's own must be left in peace, and another test run may be over soon.
describe('make run', { timeout: 120_000 }, () => {
  let running: Running | undefined

  before(async () => {
    for (let tries = 0; (await taken()).length > 0; tries++) {
      const busy = (await taken()).join(', ')
      if (tries === 30)
        assert.fail(`ports ${busy} are taken: stop the \`make run\` that is running, and test again`)
      await sleep(1000)
    }
  })
  afterEach(() => running?.stop('SIGINT'))
  after(() => assert.deepEqual(marked(), [], 'processes are left'))

  /** Ctrl-C, and then nothing may be left. */
  async function interrupt(run: Running): Promise<void> {
    await run.stop('SIGINT')
    assert.deepEqual(marked(), [], 'processes are left')
    assert.deepEqual(await taken(), [], 'ports are still taken')
  }

  test('says where everything is, sends the samples where the rules want them, and leaves nothing behind', async () => {
    running = await makeRun()
    const [summary] = await running.wrote(/The DICOM load balancer is running.*Ctrl-C stops everything/s)
    for (const { name, port } of servers) assert.match(summary, new RegExp(`${name} .*:${port} .*run/pacs/`))
    assert.ok(marked().length >= 4 + servers.length, 'run.ts, HAProxy, agents and PACS nodes carry the mark')

    const begin = Date.now()
    const send = await dcmtk('make', '-s', 'send')
    assert.equal(send.code, 0, send.output)
    await eachIsHeldWhereItShould(send.output, begin)

    const statistics = (password?: string) =>
      fetch(`http://127.0.0.1:${demo.statsPort}/stats`, {
        headers: password
          ? { authorization: `Basic ${Buffer.from(`admin:${password}`).toString('base64')}` }
          : {},
      })
    assert.equal((await statistics()).status, 401)
    assert.equal((await statistics('admin')).status, 401)
    const page = await statistics('run-test')
    assert.equal(page.status, 200)
    assert.match(await page.text(), /GENERAL:1/)

    const readiness = [...summary.matchAll(/http:\S+readyz/g)]
    assert.equal(readiness.length, 2)
    for (const [url] of readiness) assert.equal((await fetch(url)).status, 200)

    await interrupt(running)
    assert.doesNotMatch(running.output(), /has ended/)
    const logs = [demo.haproxyLog, demo.agentsLog].map(file => [file, readFileSync(file, 'utf8')])
    refusePatients(Object.fromEntries(logs))
  })

  /** Each sample is held by the one node that the table names, and that one is of the right pool. */
  async function eachIsHeldWhereItShould(table: string, begin: number): Promise<void> {
    const held = servers.flatMap(server =>
      readdirSync(folderOf(server))
        .filter(file => statSync(join(folderOf(server), file)).mtimeMs >= begin - 10)
        .map(file => ({ ...server, sopInstance: file.replace(/^[^.]*\./, '') })),
    )
    const samples = globSync(join(root, 'dicom-samples/*.dcm'))
    assert.equal(held.length, samples.length)
    for (const sample of samples) {
      const { output } = await dcmtk('dcmdump', '-q', '+P', '0008,0060', '+P', '0008,0018', sample)
      const value = (tag: string) => output.match(new RegExp(`\\(${tag}\\).*\\[(.*)\\]`))?.[1]
      const modality = value('0008,0060') ?? ''
      const holder = held.find(({ sopInstance }) => sopInstance === value('0008,0018'))
      assert.equal(holder?.pool, { CT: 'ct', MR: 'mr' }[modality] ?? 'general', sample)
      const row = table.split('\n').find(line => line.startsWith(basename(sample)))
      assert.match(row ?? '', new RegExp(` ${holder?.pool}/${holder?.name} +${holder?.name} +stored$`))
    }
  }

  test('a second one refuses to start, and does not disturb the first', async () => {
    running = await makeRun()
    await running.wrote(/Ctrl-C stops everything/)
    const log = readFileSync(demo.haproxyLog, 'utf8')
    const second = await makeRun()
    assert.notEqual(await second.ended, 0)
    assert.match(second.output(), /Port 11112 is taken: is another `make run` running\?/)
    assert.equal(readFileSync(demo.haproxyLog, 'utf8'), log)
    await interrupt(running)
  })

  test('Ctrl-C while it starts leaves nothing behind, whenever it comes', async () => {
    for (const ms of [200, 400, 600, 800, 1000, 1300]) {
      running = await makeRun()
      await sleep(ms)
      await interrupt(running)
    }
  })

  test('Ctrl-C in the middle of an association ends it', async () => {
    running = await makeRun()
    await running.wrote(/Ctrl-C stops everything/)
    const sender = await start({
      name: 'storescu',
      command: [
        'storescu',
        '--repeat',
        '100000',
        'localhost',
        String(demo.dicomPort),
        join(root, 'dicom-samples/ct-head-1.dcm'),
      ],
      env: { TCP_NODELAY: '1' },
    })
    await waitUntil(
      () => marked().filter(pid => commandOf(pid).startsWith('storescp')).length > servers.length,
    )
    await interrupt(running)
    await sender.ended
  })

  test('without HAProxy it says what is missing, and stops what it had started', async () => {
    running = await start({
      name: 'run.ts',
      command: [process.execPath, 'deploy/local/run.ts'],
      env: { ...mark, HAPROXY_BIN: '/no/such/haproxy' },
    })
    assert.equal(await running.ended, 1)
    assert.match(running.output(), /There is no program \/no\/such\/haproxy/)
    assert.deepEqual(marked(), [])
    assert.deepEqual(await taken(), [])
  })
})

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  } catch {
    return ''
  }
}
