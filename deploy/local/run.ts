// `make run`: HAProxy, two agents and the demo's PACS nodes in the foreground, until Ctrl-C.

import { mkdirSync, openSync, readdirSync, writeSync } from 'node:fs'
import { join, relative } from 'node:path'
import { demo, folderOf, isDemo, portOf } from './demo.ts'
import { type PacsServer, readPacsFile } from './pacs-file.ts'
import { answering, obstacle } from './ports.ts'
import { type Command, type Running, start } from './processes.ts'

const haproxy = process.env.HAPROXY_BIN || 'haproxy'
const children: Promise<Running>[] = []
let stopping = false

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stopAll(0))
process.on('uncaughtException', stopFor)

try {
  process.chdir(demo.root)
  await refuseIfTaken()
  const servers = readPacsFile(demo.pacsFile)
  mkdirSync(demo.state, { recursive: true })
  const nodes = await Promise.all(servers.map(async server => ({ server, where: await startPacs(server) })))
  await startAgents()
  await startHaproxy()
  console.log(summary(nodes))
} catch (error) {
  await stopFor(error)
}

async function stopFor(error: unknown): Promise<void> {
  if (stopping) return
  console.error(`\n${error instanceof Error ? error.message : error}`)
  await stopAll(1)
}

/** Starts a PACS node for a server line of pacs.cfg, if it is for this machine; says where its images are. */
async function startPacs(server: PacsServer): Promise<string> {
  if (!isDemo(server)) return 'not started here: a real one'
  const taken = await obstacle(server.port)
  if (taken) return `not started here: the port is ${taken}`
  const folder = folderOf(server)
  mkdirSync(folder, { recursive: true })
  const before = readdirSync(folder).length
  const options = ['--fork', '--promiscuous', '+xa', '+B', '-aet', server.aeTitle, '-od', folder]
  const node = await launch({
    name: server.name,
    command: ['storescp', ...options, String(server.port)],
    // DCMTK's programs wait 40 ms for each answer where Nagle's algorithm is left on
    env: { TCP_NODELAY: '1' },
  })
  await Promise.race([answering(server.port), failed(node)])
  watch(node)
  return `${relative('.', folder)}/${before > 0 ? `   ${before} files from before` : ''}`
}

async function startAgents(): Promise<void> {
  const onOutput = writerOf(demo.agentsLog)
  for (const [index, { spop, admin }] of demo.agents.entries()) {
    const agent = await launch({
      name: `agent${index + 1}`,
      command: [process.execPath, 'agent/main.ts'],
      env: { SPOP_LISTEN: spop, ADMIN_LISTEN: admin, RULES: 'agent/rules', GATEWAY: demo.gateway },
      onOutput,
    })
    await agent.wrote(/"listening"/).catch(() => failed(agent))
    watch(agent)
  }
}

async function startHaproxy(): Promise<void> {
  const [AGENT1, AGENT2] = demo.agents.map(({ spop }) => spop)
  const master = ['-W', '-db', '-S', `${join(demo.state, 'haproxy.sock')},mode,600`]
  const child = await launch({
    name: 'haproxy',
    command: [haproxy, ...master, '-C', demo.haproxyFolder, '-f', 'haproxy.cfg', '-f', 'pacs.cfg'],
    env: {
      PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
      AGENT1,
      AGENT2,
      STATE_DIR: demo.state,
      AGENTS: undefined,
    },
    onOutput: writerOf(demo.haproxyLog),
  })
  await child.wrote(/Loading success/).catch(() => failed(child))
  failed(child).catch(stopFor)
}

/** Starts a program in a process group of its own: Ctrl-C is for this one, which stops the others. */
async function launch(command: Command): Promise<Running> {
  if (stopping) throw new Error('stopping')
  const [program] = command.command
  const child = start({ ...command, ownGroup: true }).catch(error => {
    if (error.code !== 'ENOENT') throw error
    throw new Error(
      `There is no program ${program}. \`make setup\` installs HAProxy and DCMTK where they are missing.`,
    )
  })
  children.push(child)
  return child
}

/** Rejects when it ends, with the end of what it has written. */
async function failed(child: Running): Promise<never> {
  const how = await child.ended
  const tail = child.output().trimEnd().split('\n').slice(-12).join('\n')
  throw new Error(`${child.name} has ended (${how}):\n${tail}`)
}

/** The demo goes on without a PACS node or an agent, so that one can be killed to see what happens. */
function watch(child: Running): void {
  void child.ended.then(how => {
    if (!stopping) console.error(`${child.name} (pid ${child.pid}) has ended: ${how}`)
  })
}

/** Asked again, while it waits for what is in flight, it waits no longer. */
async function stopAll(exitCode: number): Promise<void> {
  const signal = stopping ? 'SIGKILL' : 'SIGTERM'
  stopping = true
  const started = await Promise.allSettled(children)
  await Promise.all(started.map(child => child.status === 'fulfilled' && child.value.stop(signal)))
  process.exit(exitCode)
}

/** Of the PACS nodes' ports that are taken, on the other hand, the owners may be meant. */
async function refuseIfTaken(): Promise<void> {
  const needed: [port: number, why: string][] = [
    [demo.dicomPort, 'it is the one for DICOM; DICOM_BIND=:PORT in the environment chooses another'],
    [demo.statsPort, 'it is the one of the dashboard; STATS_BIND=:PORT in the environment chooses another'],
    [
      demo.guardPort,
      'HAProxy needs it for itself; GUARD_BIND=127.0.0.1:PORT in the environment chooses another',
    ],
    [
      portOf(demo.gateway),
      'the agents ask pools there; GATEWAY_BIND=127.0.0.1:PORT in the environment chooses another',
    ],
    ...demo.agents
      .flatMap(({ spop, admin }) => [spop, admin])
      .map((address): [number, string] => [portOf(address), 'an agent needs it']),
  ]
  for (const [port, why] of needed) {
    const problem = await obstacle(port)
    if (problem === 'taken')
      throw new Error(`Port ${port} is taken: is another \`make run\` running? (${why})`)
    if (problem) throw new Error(`Port ${port} may not be used without root (${why})`)
  }
}

/** Appends to a new file. */
function writerOf(file: string): (chunk: string) => void {
  const descriptor = openSync(file, 'w')
  return chunk => writeSync(descriptor, chunk)
}

function summary(nodes: readonly { server: PacsServer; where: string }[]): string {
  const { STATS_USER = 'admin', STATS_PASSWORD } = process.env
  const access =
    STATS_PASSWORD === undefined ? 'from here; elsewhere with STATS_PASSWORD' : `as ${STATS_USER}`
  const pacs = nodes.map(
    ({ server: { pool, name, host, port }, where }) =>
      `    ${pool.padEnd(10)} ${name.padEnd(12)} ${`${host}:${port}`.padEnd(18)} ${where}`,
  )
  return `
The DICOM load balancer is running.

  DICOM       localhost:${demo.dicomPort}, any called AE title
  Dashboard   http://localhost:${demo.statsPort}/stats   ${access}
  Console     ${demo.agents.map(({ admin }) => `http://${admin}/`).join('  ')}
  Agents      ${demo.agents.map(({ admin }) => `http://${admin}/readyz`).join('  ')}
  Metrics     http://localhost:${demo.statsPort}/metrics  ${demo.agents.map(({ admin }) => `http://${admin}/metrics`).join('  ')}
  Rules       agent/rules/*.yaml   read again when they are saved
  PACS pools  haproxy/pacs.cfg     read again by make reload
${pacs.join('\n')}
  Logs        ${relative('.', demo.haproxyLog)}  ${relative('.', demo.agentsLog)}

Try, in another terminal:
  make send                                       the samples, and where each went
  echoscu -v localhost ${demo.dicomPort}
  dcmsend -v localhost ${demo.dicomPort} IMAGE.dcm
  curl http://${demo.agents[0]?.admin}/rules               the rules, and how often each has decided

Ctrl-C stops everything.`
}
