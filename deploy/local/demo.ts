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
  agents: ['127.0.0.1:9001', '127.0.0.1:9002'],
  dicomPort: 11112,
  statsPort: 8404,
}

/** The folder in which the demo's PACS node keeps what it gets. */
export function folderOf({ name }: PacsServer): string {
  return join(state, 'pacs', name.replaceAll(':', '-'))
}
