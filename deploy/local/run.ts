// `make run`: HAProxy, two agents and the demo's PACS nodes in the foreground, until Ctrl-C.

import { createWriteStream, mkdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { demo, folderOf } from './demo.ts'
import { readPacsFile } from './pacs-file.ts'
import { answering, answers } from './ports.ts'
import { type Running, start } from './processes.ts'

const haproxy = process.env.HAPROXY_BIN || 'haproxy'
const servers = readPacsFile(demo.pacsFile)
const demoServers = servers.filter(({ host }) => host === '127.0.0.1' || host === 'localhost')
const running: Running[] = []
let stopping = false

try {
  await refuseIfTaken([demo.dicomPort, demo.statsPort, ...demoServers.map(({ port }) => port)])
  mkdirSync(demo.state, { recursive: true })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void stopAll(0))
  await startPacs()
  await startAgents()
  await startHaproxy()
  console.log(summary())
} catch (error) {
  await stopFor(error)
}

async function stopFor(error: unknown): Promise<void> {
  if (!stopping) console.error(`\n${error instanceof Error ? error.message : error}`)
  await stopAll(1)
}

/** A PACS node for each server line of pacs.cfg on this machine; the others are real, and left alone. */
async function startPacs(): Promise<void> {
  for (const server of demoServers) {
    const folder = folderOf(server)
    mkdirSync(folder, { recursive: true })
    const options = ['--fork', '--promiscuous', '+xa', '+B', '-aet', server.aeTitle, '-od', folder]
    running.push(await started(server.name, ['storescp', ...options, String(server.port)]))
    await answering(server.port)
  }
}

async function startAgents(): Promise<void> {
  const log = createWriteStream(demo.agentsLog)
  for (const [index, address] of demo.agents.entries()) {
    const agent = await start({
      name: `agent${index + 1}`,
      command: [process.execPath, join(demo.root, 'agent/main.ts')],
      env: { SPOP_LISTEN: address, RULES: join(demo.root, 'agent/rules') },
      onOutput: chunk => log.write(chunk),
    })
    running.push(agent)
    await agent.wrote(/"listening"/).catch(() => {
      throw new Error(`${agent.name} cannot start:\n${agent.output()}`)
    })
    watch(agent)
  }
}

async function startHaproxy(): Promise<void> {
  const log = createWriteStream(demo.haproxyLog)
  const child = await start({
    name: 'haproxy',
    command: [haproxy, '-W', '-db', '-C', demo.haproxyFolder, '-f', 'haproxy.cfg', '-f', 'pacs.cfg'],
    env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    onOutput: chunk => log.write(chunk),
  })
  running.push(child)
  const ended = child.ended.then(how => {
    throw new Error(
      `HAProxy ended (${how}). The end of ${relative('.', demo.haproxyLog)}:\n${tail(child.output())}`,
    )
  })
  await Promise.race([answering(demo.dicomPort), ended])
  ended.catch(stopFor)
}

async function started(name: string, command: [string, ...string[]]): Promise<Running> {
  // DCMTK's programs wait 40 ms for each answer where Nagle's algorithm is left on
  const child = await start({ name, command, env: { TCP_NODELAY: '1' } })
  watch(child)
  return child
}

/** The demo goes on without a PACS node or an agent, so that one can be killed to see what happens. */
function watch(child: Running): void {
  void child.ended.then(how => {
    if (!stopping) console.error(`${child.name} (pid ${child.pid}) ended: ${how}`)
  })
}

async function stopAll(exitCode: number): Promise<void> {
  if (stopping) return
  stopping = true
  await Promise.all(running.toReversed().map(child => child.stop()))
  process.exit(exitCode)
}

async function refuseIfTaken(ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    if (await answers(port)) throw new Error(`Port ${port} is taken: is another \`make run\` running?`)
  }
}

function tail(text: string): string {
  return text.trimEnd().split('\n').slice(-8).join('\n')
}

function summary(): string {
  const password = process.env.STATS_PASSWORD
    ? 'the password from STATS_PASSWORD'
    : 'admin:admin (set STATS_PASSWORD!)'
  const pacs = servers.map(server => {
    const where = demoServers.includes(server) ? relative('.', folderOf(server)) : 'not started here'
    return `    ${server.pool.padEnd(10)} ${server.name.padEnd(12)} ${`${server.host}:${server.port}`.padEnd(18)} ${where}/`
  })
  return `
The DICOM load balancer is running.

  DICOM       localhost:${demo.dicomPort}, any called AE title
  Dashboard   http://localhost:${demo.statsPort}/stats   ${password}
  Rules       agent/rules/*.yaml
  PACS pools  haproxy/pacs.cfg
${pacs.join('\n')}
  Logs        ${relative('.', demo.haproxyLog)}  ${relative('.', demo.agentsLog)}

Try, in another terminal:
  make send                                       the samples, and where each went
  echoscu -v localhost ${demo.dicomPort}
  dcmsend -v localhost ${demo.dicomPort} IMAGE.dcm

Ctrl-C stops everything.`
}
