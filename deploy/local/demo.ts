import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PacsServer } from './pacs-file.ts'

/** Where everything of `make run` is, for run.ts, which starts it, and send.ts, which uses it. */
const root = fileURLToPath(new URL('../..', import.meta.url))
const state = join(root, 'run')

export const demo = {
  root,
  state,
  /** HAProxy's log, from which send.ts reads what was decided */
  haproxyLog: join(state, 'haproxy.log'),
  agentsLog: join(state, 'agents.log'),
  haproxyFolder: join(root, 'haproxy'),
  pacsFile: join(root, 'haproxy/pacs.cfg'),
  agents: [
    { spop: '127.0.0.1:9001', admin: '127.0.0.1:9101' },
    { spop: '127.0.0.1:9002', admin: '127.0.0.1:9102' },
  ],
  dicomPort: portOf(process.env.DICOM_BIND || ':11112'),
  statsPort: portOf(process.env.STATS_BIND || ':8404'),
  guardPort: portOf(process.env.GUARD_BIND || ':11113'),
  gateway: process.env.GATEWAY_BIND || '127.0.0.1:11114',
}

/** Whether the demo starts a PACS node for a server of pacs.cfg; those on other machines are real, and left alone. */
export function isDemo({ host }: PacsServer): boolean {
  return host === '127.0.0.1' || host === 'localhost'
}

/** The folder in which the demo's PACS node keeps what it gets. */
export function folderOf({ name }: PacsServer): string {
  return join(state, 'pacs', name.replaceAll(':', '-'))
}

/** The port of an address as HAProxy writes it, such as :104, 10.0.0.1:104 or [::1]:104. */
export function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1))
}
