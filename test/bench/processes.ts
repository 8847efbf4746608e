import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Running, start } from '../../deploy/local/processes.ts'
import type { Load, LoadResult } from './load.ts'

const program = (name: string) => fileURLToPath(new URL(name, import.meta.url))

export interface Sink extends Running {
  port: number
}

export async function startSink(): Promise<Sink> {
  const sink = await start({ name: 'sink', command: [process.execPath, program('sink.ts')] })
  const [, port] = await sink.wrote(/"port":(\d+)/)
  return { ...sink, port: Number(port) }
}

export interface Loader {
  /** Sends this load; rejects when an association or a C-STORE fails, which the loader does not survive. */
  run(load: Load): Promise<LoadResult>
  stop(): Promise<void>
}

export function startLoader(): Loader {
  const child = spawn(process.execPath, [program('load.ts')], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const results = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async run(load) {
      child.stdin.write(`${JSON.stringify(load)}\n`)
      const { value, done } = await results.next()
      if (done) throw new Error('the load has failed')
      return JSON.parse(value)
    },
    async stop() {
      child.stdin.end()
      await ended
    },
  }
}
