import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface Running {
  readonly name: string
  readonly pid: number
  /** resolves with how it ended, an exit code or the name of a signal; never rejects */
  readonly ended: Promise<number | string>
  /** all that it has written so far */
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
  /** gets every chunk of the output */
  onOutput?: (chunk: string) => void
}

/** Starts a program; rejects where it cannot be started at all. */
export async function start({
  name,
  command: [program, ...args],
  env = {},
  onOutput,
}: Command): Promise<Running> {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const listeners = new Set<() => void>()
  const ended = new Promise<number | string>(resolve => {
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'))
    child.once('error', error => resolve(error.message))
  })
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
      onOutput?.(chunk)
      for (const listener of listeners) listener()
    })
  }
  await once(child, 'spawn')

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
      if (child.exitCode !== null || child.signalCode !== null) return
      const killer = setTimeout(() => child.kill('SIGKILL'), 10_000)
      child.kill(signal)
      await ended
      clearTimeout(killer)
    },
  }
}
