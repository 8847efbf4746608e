import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { answering } from '../../deploy/local/ports.ts'
import { type Running, start } from '../../deploy/local/processes.ts'
import { freePort } from '../support/ports.ts'

/** Where Debian keeps them; other systems have them elsewhere, or in the program. */
const modules = '/usr/lib/nginx/modules'

export interface Nginx extends Running {
  port: number
  /** of its workers, which carry the bytes */
  workers: number[]
}

export interface Stream {
  /** what stands in the block `server`, besides where it listens */
  server: string
  /** what stands before it */
  stream?: string
  /** of njs, by name, beside the configuration */
  scripts?: Readonly<Record<string, string>>
}

/** nginx before a stream, with as many workers as there are cores, and a line in its log for each. */
export async function startNginx({ server, stream = '', scripts = {} }: Stream): Promise<Nginx> {
  const folder = await mkdtemp(join(tmpdir(), 'nginx-'))
  const port = await freePort()
  const files = {
    ...scripts,
    'nginx.conf': `
daemon off;
worker_processes auto;
error_log stderr;
pid nginx.pid;
load_module ${modules}/ngx_stream_module.so;
${Object.keys(scripts).length > 0 ? `load_module ${modules}/ngx_stream_js_module.so;` : ''}
events { worker_connections 8192; }
stream {
    log_format line '$remote_addr:$remote_port $upstream_addr $bytes_received $bytes_sent $session_time';
    access_log access.log line;
    ${stream}
    server {
        listen 127.0.0.1:${port};
        ${server}
    }
}
`,
  }
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
  const nginx = await start({
    name: 'nginx',
    command: ['nginx', '-p', `${folder}/`, '-c', 'nginx.conf', '-e', 'stderr'],
  })
  await answering(port)
  const { pid } = nginx
  const workers = await readFile(`/proc/${pid}/task/${pid}/children`, 'latin1').catch(() => '')
  return {
    ...nginx,
    port,
    workers: workers.trim().split(' ').map(Number),
    async stop() {
      await nginx.stop()
      await rm(folder, { recursive: true })
    },
  }
}
