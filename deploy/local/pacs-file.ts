import { readFileSync } from 'node:fs'

/** A server line of haproxy/pacs.cfg. */
export interface PacsServer {
  pool: string
  /** the server's name, of which the part before ":" is the AE title */
  name: string
  aeTitle: string
  host: string
  port: number
}

/** The servers of the pools in a pacs.cfg, in its order. */
export function readPacsFile(file: string): PacsServer[] {
  const servers: PacsServer[] = []
  let pool = ''
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [keyword, name = '', address = ''] = line.replace(/#.*/, '').trim().split(/\s+/)
    if (keyword === 'backend') pool = name
    if (keyword !== 'server') continue
    const colon = address.lastIndexOf(':')
    const [host, port] = [address.slice(0, colon), Number(address.slice(colon + 1))]
    servers.push({ pool, name, aeTitle: name.replace(/:.*/, ''), host, port })
  }
  return servers
}
