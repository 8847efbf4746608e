// `make reload`, `make drain SERVER=pool/name` and `make ready SERVER=pool/name`: what HAProxy does while it goes on. And
// `watch`, which reloads whenever the file of the pools changes.

import { execFile } from 'node:child_process'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { closest } from '../../agent/dicom/index.ts'
import { demo } from './demo.ts'
import { ask, processes, type Server, servers } from './master.ts'
import { readPacsFile } from './pacs-file.ts'

/** What cannot be done as it was asked; the message says what to do instead. */
class Refused extends Error {}

const folder = resolve(process.env.HAPROXY_FOLDER || demo.haproxyFolder)
const state = resolve(process.env.STATE_DIR || demo.state)
const pacsFile = resolve(folder, process.env.PACS_CFG || 'pacs.cfg')
const socket = join(state, 'haproxy.sock')
const stateFile = join(state, 'servers.state')
const WATCH_MS = 500

// these do not end the first process of a container by themselves
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const commands: Readonly<Record<string, (server: string) => Promise<void>>> = { reload, drain, ready, watch }

try {
  const [name = '', server = ''] = process.argv.slice(2)
  const command = commands[name]
  if (!command) throw new Refused(`There are ${Object.keys(commands).join(', ')}, not "${name}".`)
  await command(server)
} catch (error) {
  if (isAbsent(error)) {
    console.error(`No HAProxy listens at ${socket}. Start it first: make run`)
  } else if (error instanceof Refused) {
    console.error(error.message)
  } else {
    throw error
  }
  process.exitCode = 1
}

function isAbsent(error: unknown): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException
  return syscall === 'connect' && (code === 'ENOENT' || code === 'ECONNREFUSED')
}

/**
 * Reloads at the start, for what has changed before, and then whenever the file is another one, and the same at two looks. A
 * mistake is told once, and what was before serves on.
 */
async function watch(): Promise<void> {
  let tried: string | undefined
  for (let before = ''; ; await sleep(WATCH_MS)) {
    const now = readFileSync(pacsFile, 'utf8')
    const settled = now === before
    before = now
    if (!settled || now === tried) continue
    try {
      await reload()
    } catch (error) {
      if (isAbsent(error)) continue // it may start later, or anew
      console.error(error instanceof Error ? error.message : error)
    }
    tried = now
  }
}

/** A new worker takes the pools as they are now; those before finish their associations. */
async function reload(): Promise<void> {
  const before = await processes(socket)
  await check()
  const [serving = 0] = before.workers
  await saveState(serving)
  try {
    await ask(socket, 'reload').catch(() => undefined) // it is done all the same
    for (;;) {
      const now = await processes(socket).catch(() => undefined)
      if (now && now.failed > before.failed) {
        throw new Refused('HAProxy could not load it: its log says why. The configuration before serves on.')
      }
      const next = now?.workers.find(pid => !before.workers.includes(pid))
      if (next !== undefined && (await serves(next))) break
      await sleep(50)
    }
  } finally {
    rmSync(stateFile) // a later start is not to find what was then
  }
  console.log(`Reloaded. Associations that go on as they began: ${await going(before.workers)}`)
}

/** Whether a worker has loaded everything. From HAProxy 3.1 on, `show proc` has it as soon as it begins to. */
async function serves(worker: number): Promise<boolean> {
  const told = await ask(socket, `@!${worker} show info`).catch(() => '')
  return told.includes(`Pid: ${worker}\n`)
}

/** Throws where HAProxy would not take the configuration. */
async function check(): Promise<void> {
  const program = process.env.HAPROXY_BIN || 'haproxy'
  const files = ['-C', folder, '-f', 'haproxy.cfg', '-f', pacsFile]
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }
  try {
    await promisify(execFile)(program, ['-c', ...files], { env })
  } catch (error) {
    const { code, stderr = '' } = error as NodeJS.ErrnoException & { stderr?: string }
    // HAProxy runs elsewhere, and will check it once more by itself
    if (code === 'ENOENT') return
    const alerts = stderr.split('\n').filter(line => line.startsWith('[ALERT]'))
    throw new Refused(`${alerts.join('\n')}\nNothing has changed: the configuration before serves on.`)
  }
}

/**
 * Saves for the next worker which servers are drained or down, and what addresses their names have. HAProxy prefers the port
 * in there to that in pacs.cfg, so it is replaced by the latter. Those of the agents change with a restart only.
 */
async function saveState(worker: number): Promise<void> {
  const ports = new Map(
    readPacsFile(pacsFile).map(({ pool, name, port }) => [`${pool}/${name}`, String(port)]),
  )
  const [version = '', header = '', ...lines] = (await ask(socket, `@!${worker} show servers state`)).split(
    '\n',
  )
  const columns = header.replace(/^# /, '').split(' ')
  const [pool, name, port] = ['be_name', 'srv_name', 'srv_port'].map(column => columns.indexOf(column))
  const kept = lines
    .map(line => line.split(' '))
    .flatMap(cells => {
      if (cells[pool ?? -1] === 'agents') return [cells.join(' ')]
      const configured = ports.get(`${cells[pool ?? -1]}/${cells[name ?? -1]}`)
      return configured === undefined ? [] : [cells.with(port ?? -1, configured).join(' ')]
    })
  writeFileSync(`${stateFile}.new`, `${[version, header, ...kept].join('\n')}\n`)
  renameSync(`${stateFile}.new`, stateFile)
}

/** Associations of workers, of which some may have ended by now. */
async function going(workers: readonly number[]): Promise<number> {
  const found = (await Promise.all(workers.map(serversOf))).flat()
  return sum(found.filter(({ name }) => !name.startsWith('agents/')))
}

/** Takes no new associations, and waits until the others have ended. */
async function drain(name: string): Promise<void> {
  await setState(name, 'drain')
  console.log(`${name} takes no new associations. Ctrl-C waits no longer for those that it has:`)
  for (let last: number | undefined; last !== 0; ) {
    const { workers } = await processes(socket)
    const found = (await Promise.all(workers.map(serversOf))).flat().filter(server => server.name === name)
    const left = sum(found)
    if (left !== last) console.log(left === 0 ? 'none is left' : `${left} left`)
    last = left
    if (left > 0) await sleep(500)
  }
}

async function ready(name: string): Promise<void> {
  const { status } = await setState(name, 'ready')
  console.log(
    `${name} takes associations${status.startsWith('UP') ? '' : ' as soon as its health check finds it up'}.`,
  )
}

/** In all workers: one before may still have to choose a server for an association that was promised. */
async function setState(name: string, to: 'drain' | 'ready'): Promise<Server> {
  const { workers } = await processes(socket)
  const [serving = 0] = workers
  const known = (await servers(socket, serving)).map(server => server.name)
  if (!known.includes(name)) throw new Refused(unknown(name, known))
  await Promise.all(workers.map(pid => ask(socket, `@!${pid} set server ${name} state ${to}`)))
  const server = (await servers(socket, serving)).find(server => server.name === name)
  if (!server) throw new Refused(`${name} is gone.`)
  return server
}

function unknown(name: string, known: readonly string[]): string {
  const [near] = closest(name, known)
  const help = near === undefined ? `there are ${known.join(', ')}` : `did you mean ${near}?`
  return name === '' ? `Which server? SERVER=pool/name; ${help}` : `There is no server "${name}"; ${help}`
}

/** None of a worker that has ended. */
function serversOf(worker: number): Promise<Server[]> {
  return servers(socket, worker).catch(() => [])
}

function sum(found: readonly Server[]): number {
  return found.reduce((all, { associations }) => all + associations, 0)
}
