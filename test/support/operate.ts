import { fileURLToPath } from 'node:url'
import { type Running, start } from '../../deploy/local/processes.ts'
import type { Balancer } from './balancer.ts'

const program = fileURLToPath(new URL('../../deploy/local/operate.ts', import.meta.url))

/** What `make reload`, `make drain` and `make ready` run, for a balancer with a master process. */
export function operate({ haproxy: { dir } }: Balancer, ...args: string[]): Promise<Running> {
  const env = { STATE_DIR: dir, HAPROXY_FOLDER: dir }
  return start({ name: args.join(' '), command: [process.execPath, program, ...args], env })
}

/** The same to its end: how it ended, and what it wrote. */
export async function operated(balancer: Balancer, ...args: string[]) {
  const running = await operate(balancer, ...args)
  return { code: await running.ended, output: running.output() }
}
