import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface Running {
  readonly name: string
  readonly pid: number
  /** resolves with how it ended, an exit code or the name of a signal; never rejects */
  readonly ended: Promise<number | string>
  /** what it has written so far, of which the oldest is forgotten beyond 16 million characters */
  output(): string
  /** resolves with the first match in what it writes, past and to come; rejects when it ends without one */
  wrote(pattern: RegExp): Promise<RegExpMatchArray>
  /** resolves when it is gone; `signal` is followed by SIGKILL after 10 s */
  stop(signal?: NodeJS.Signals): Promise<void>
}

export interface Command {
  name: string
  /** the program and its arguments */
  command: readonly [string, ...string[]]
  env?: NodeJS.ProcessEnv
  /**
   * in a process group of its own, which Ctrl-C on the terminal does not reach, and of which `stop` stops every process,
   * also those that the program has forked
   */
  ownGroup?: boolean
  /** gets every chunk of the output */
  onOutput?: (chunk: string) => void
}

const OUTPUT_LIMIT = 16_000_000

/** Starts a program; rejects where it cannot be started at all. */
export async function start({
  name,
  command: [program, ...args],
  env = {},
  ownGroup = false,
  onOutput,
}: Command): Promise<Running> {
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: ownGroup,
  })
  let output = ''
  let closed = false
  const listeners = new Set<() => void>()
  const ended = new Promise<number | string>(resolve => {
    // comes when the program and all that it has forked have closed their output
    child.once('close', (code, signal) => {
      closed = true
      resolve(code ?? signal ?? 'unknown')
    })
    child.once('error', error => resolve(error.message))
  })
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
      if (output.length > OUTPUT_LIMIT) output = output.slice(-OUTPUT_LIMIT / 2)
      onOutput?.(chunk)
      for (const listener of listeners) listener()
    })
  }
  await once(child, 'spawn')

  function kill(signal: NodeJS.Signals): void {
    if (!ownGroup || child.pid === undefined) {
      child.kill(signal)
      return
    }
    try {
      process.kill(-child.pid, signal)
    } catch (error) {
      // the whole group is gone already
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }

  return {
    name,
    pid: child.pid ?? 0,
    ended,
    output: () => output,
    wrote: pattern =>
      new Promise((resolve, reject) => {
        const look = () => {
          const match = output.match(pattern)
          if (!match) return
          listeners.delete(look)
          resolve(match)
        }
        listeners.add(look)
        look()
        ended.then(how => reject(new Error(`${name} ended (${how}) before it wrote ${pattern}:\n${output}`)))
      }),
    async stop(signal = 'SIGTERM') {
      if (closed || (!ownGroup && (child.exitCode !== null || child.signalCode !== null))) return
      const killer = setTimeout(() => kill('SIGKILL'), 10_000)
      kill(signal)
      await ended
      clearTimeout(killer)
    },
  }
}
