import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { answers } from '../../deploy/local/ports.ts'
import { type Running, start } from '../../deploy/local/processes.ts'
import { waitUntil } from './haproxy.ts'
import { freePort } from './ports.ts'

/** Runs one of DCMTK's programs to its end; the result is how it ended and what it wrote. */
export async function dcmtk(
  program: string,
  ...args: string[]
): Promise<{ code: number | string; output: string }> {
  const running = await start({ name: program, command: [program, ...args], env: { TCP_NODELAY: '1' } })
  const code = await running.ended
  return { code, output: running.output() }
}

/** One of DCMTK's servers, on a free port. */
export interface Scp extends Running {
  port: number
}

/** DCMTK's storescp, keeping what it gets bit by bit in `folder`. */
export function startStorescp(folder: string, ...options: string[]): Promise<Scp> {
  return startScp(port => ['storescp', '--fork', '+xa', '+B', '-od', folder, ...options, String(port)])
}

/**
 * DCMTK's dcmqrscp, keeping what it gets in `folder`, with the AE title ARCHIVE, and no other. `hosts` are those that it
 * can move to: ports by AE title.
 */
export async function startDcmqrscp(folder: string, hosts: Readonly<Record<string, number>>): Promise<Scp> {
  const file = join(folder, 'dcmqrscp.cfg')
  const table = Object.entries(hosts).map(
    ([title, port], index) => `host${index} = (${title}, localhost, ${port})`,
  )
  return startScp(async port => {
    await writeFile(
      file,
      `NetworkTCPPort = ${port}
MaxPDUSize = 16384
MaxAssociations = 16
HostTable BEGIN
${table.join('\n')}
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
ARCHIVE ${folder} RW (100, 1024mb) ANY
AETable END
`,
    )
    return ['dcmqrscp', '--allow-shutdown', '-c', file]
  })
}

/** Starts what `command` says for a free port. */
export async function startScp(
  command: (port: number) => [string, ...string[]] | Promise<[string, ...string[]]>,
): Promise<Scp> {
  const port = await freePort()
  const words = await command(port)
  const running = await start({
    name: words[0],
    command: words,
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
