import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Running, start } from '../../deploy/local/processes.ts'
import type { Load, LoadResult } from './load.ts'
import type { SpopLoad, SpopResult } from './spop-load.ts'

const program = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** What listens on a port of its own. */
export interface Listener extends Running {
  port: number
}

/** One that writes `"stored":…` whenever so many more instances are stored. */
export const startSink = (told?: number) => startListener('sink.ts', ...(told ? [String(told)] : []))

export const startSpoeAgent = () => startListener('spoe-agent.ts')

export const startBareAgent = (...args: readonly string[]) => startListener('bare-agent.ts', ...args)

/** Starts one of these programs, which prints its port. */
async function startListener(name: string, ...args: readonly string[]): Promise<Listener> {
  const listener = await start({ name, command: [process.execPath, program(name), ...args] })
  const [, port] = await listener.wrote(/"port":(\d+)/)
  return { ...listener, port: Number(port) }
}

export interface Loader<L = Load, R = LoadResult> {
  /** Sends this load; rejects when anything of it fails, which the loader does not survive. */
  run(load: L): Promise<R>
  stop(): Promise<void>
}

export const startLoader = () => startDriver<Load, LoadResult>('load.ts')

export const startSpopLoader = () => startDriver<SpopLoad, SpopResult>('spop-load.ts')

/** Starts one of these programs, which answers a line of JSON with another. */
function startDriver<L, R>(name: string): Loader<L, R> {
  const child = spawn(process.execPath, [program(name)], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const results = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async run(load) {
      child.stdin.write(`${JSON.stringify(load)}\n`)
      const { value, done } = await results.next()
      if (done) throw new Error(`${name} has failed`)
      return JSON.parse(value)
    },
    async stop() {
      child.kill()
      await ended
    },
  }
}
