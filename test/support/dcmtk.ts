import assert from 'node:assert/strict'
import { answers } from '../../deploy/local/ports.ts'
import { type Running, start } from '../../deploy/local/processes.ts'
import { freePort, waitUntil } from './haproxy.ts'

/** Runs one of DCMTK's programs to its end; the result is how it ended and what it wrote. */
export async function dcmtk(
  program: string,
  ...args: string[]
): Promise<{ code: number | string; output: string }> {
  const running = await start({ name: program, command: [program, ...args], env: { TCP_NODELAY: '1' } })
  const code = await running.ended
  return { code, output: running.output() }
}

export interface Storescp extends Running {
  port: number
}

/** DCMTK's storescp on a free port, keeping what it gets bit by bit in `folder`. */
export async function startStorescp(folder: string, ...options: string[]): Promise<Storescp> {
  const port = await freePort()
  const running = await start({
    name: 'storescp',
    command: ['storescp', '--fork', '+xa', '+B', '-od', folder, ...options, String(port)],
    env: { TCP_NODELAY: '1' },
    // one process for each association, which `stop` ends, too
    ownGroup: true,
  })
  await waitUntil(() => answers(port))
  return { ...running, port }
}

/** A Part 10 file's dataset: what follows the group 0002, which the PACS writes (PS3.10 §7.1). */
export function withoutMeta(file: Buffer): Buffer {
  assert.equal(file.toString('latin1', 128, 132), 'DICM')
  // (0002,0000) UL 4 bytes: the length of the rest of the group
  return file.subarray(144 + file.readUInt32LE(140))
}
