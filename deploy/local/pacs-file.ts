import { readFileSync } from 'node:fs'
import { relative } from 'node:path'

/** A server line of haproxy/pacs.cfg. */
export interface PacsServer {
  pool: string
  /** the server's name, of which the part before ":" is the AE title */
  name: string
  aeTitle: string
  host: string
  port: number
}

/** The servers of the pools in a pacs.cfg, in its order. HAProxy checks the rest of the file. */
export function readPacsFile(file: string): PacsServer[] {
  const servers: PacsServer[] = []
  let pool = ''
  for (const [index, line] of readFileSync(file, 'utf8').split('\n').entries()) {
    const [keyword, name = '', address = ''] = line.replace(/#.*/, '').trim().split(/\s+/)
    if (keyword === 'backend') pool = name
    if (keyword !== 'server') continue
    const [, host = '', port] = address.match(/^(.+):(\d+)$/) ?? []
    if (port === undefined) {
      throw new Error(
        `${relative('.', file)}:${index + 1}: a server line is: server AE_TITLE address:port ...`,
      )
    }
    servers.push({ pool, name, aeTitle: name.replace(/:.*/, ''), host, port: Number(port) })
  }
  return servers
}
