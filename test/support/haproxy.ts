import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

/** The program under test: a name on PATH, or a path. */
export const HAPROXY_BIN = process.env.HAPROXY_BIN ?? 'haproxy'

const START_LIMIT_MS = 30_000
const POLL_MS = 20
const LAST_WORDS = 10_000

export interface HaproxyOptions {
  /** The configuration. `{dir}` stands for a folder that lives as long as the process. */
  config: string
  /** Further files by name, written to `{dir}`; `{dir}` stands for the folder in them, too. */
  files?: Record<string, string>
  /** `{dir}` stands for the folder here, too. */
  args?: string[]
  /** ... and here. */
  env?: Record<string, string>
}

export interface Haproxy {
  pid: number
  /** the folder of its files */
  dir: string
  /** Everything HAProxy printed so far. Add `log stdout format raw local0` to see its log here. */
  log(): string
  /** Answer of a command on the runtime API, as administrator. */
  command(line: string): Promise<string>
  /** Stops it at once and waits for its end. Rejects, with its last words, if it had crashed. */
  stop(): Promise<void>
  /** Stops it at the end of the test, and prints its configuration and log if the test failed. */
  stopAfter(t: TestContext): void
}

/** What HAProxy tells of each frontend, backend and server, by the names of the columns of `show stat`. */
export async function statistics(haproxy: Haproxy): Promise<Record<string, string>[]> {
  const [header = '', ...lines] = (await haproxy.command('show stat')).trim().split('\n')
  const columns = header.replace(/^# /, '').split(',')
  return lines.map(line =>
    Object.fromEntries(line.split(',').map((cell, index) => [columns[index] ?? '', cell])),
  )
}

/** The same of one of them, such as "dicom/FRONTEND", "agents/BACKEND" or "ct/CT:1"; empty if there is none. */
export async function statisticsOf(haproxy: Haproxy, name: string): Promise<Record<string, string>> {
  const rows = await statistics(haproxy)
  return rows.find(({ pxname, svname }) => `${pxname}/${svname}` === name) ?? {}
}

/** Starts HAProxy in the foreground and resolves when its listeners are bound. Rejects with its log if they are not. */
export async function startHaproxy({
  config,
  files = {},
  args = [],
  env = {},
}: HaproxyOptions): Promise<Haproxy> {
  const dir = await mkdtemp(join(tmpdir(), 'haproxy-'))
  const placed = (content: string) => content.replaceAll('{dir}', dir)
  const adminSocket = join(dir, 'admin.sock')
  const admin = `global\n  stats socket ${adminSocket} mode 600 level admin\n`
  for (const [name, content] of Object.entries({ ...files, 'haproxy.cfg': config, 'admin.cfg': admin })) {
    // HAProxy takes a file without a line feed at its end for a truncated one.
    await writeFile(join(dir, name), `${placed(content)}\n`)
  }

  let output = ''
  const configArgs = ['-f', join(dir, 'haproxy.cfg'), '-f', join(dir, 'admin.cfg')]
  const child = spawn(HAPROXY_BIN, [...configArgs, '-db', ...args.map(placed)], {
    env: { ...process.env, ...Object.fromEntries(Object.entries(env).map(([k, v]) => [k, placed(v)])) },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += chunk))

  const command = (line: string) => runtimeCommand(adminSocket, line)
  async function stop(): Promise<void> {
    await kill(child)
    await rm(dir, { recursive: true, force: true })
    if (child.signalCode && child.signalCode !== 'SIGKILL')
      throw new Error(`HAProxy has crashed (${child.signalCode}):\n${output.slice(-LAST_WORDS)}`)
  }

  try {
    await once(child, 'spawn')
    await waitUntil(
      () => command('show info'),
      () => child.exitCode !== null,
    )
  } catch (error) {
    await stop()
    throw new Error(`HAProxy did not start: ${error}\n${placed(config)}\n${output}`, { cause: error })
  }
  return {
    pid: child.pid ?? 0,
    dir,
    log: () => output,
    command,
    stop,
    stopAfter(t) {
      t.after(async () => {
        if (hasFailed(t))
          process.stderr.write(`\n--- configuration\n${placed(config)}\n--- HAProxy's output\n${output}\n`)
        await stop()
      })
    },
  }
}

/** Whether a test that has ended has failed. Node.js 24 can tell, its types cannot. */
export function hasFailed(t: TestContext): boolean {
  return !(t as TestContext & { passed: boolean }).passed
}

/** Polls until `condition` resolves to something truthy, and returns that; a rejection counts as "not yet". */
export async function waitUntil<T>(
  condition: () => Promise<T> | T,
  givenUp: () => boolean = () => false,
  limitMs = START_LIMIT_MS,
): Promise<NonNullable<T>> {
  const limit = performance.now() + limitMs
  for (;;) {
    let failure: unknown
    try {
      const result = await condition()
      if (result) return result
    } catch (error) {
      failure = error
    }
    if (givenUp() || performance.now() > limit) throw new Error('gave up waiting', { cause: failure })
    await sleep(POLL_MS)
  }
}

async function runtimeCommand(path: string, line: string): Promise<string> {
  const socket = createConnection(path)
  await once(socket, 'connect')
  socket.write(`${line}\n`)
  return text(socket)
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const closed = once(child, 'close')
  process.kill(-child.pid, 'SIGKILL') // its workers, too
  await closed
}
