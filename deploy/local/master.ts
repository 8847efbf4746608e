import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

const ANSWER_MS = 2000

/**
 * The command line of HAProxy's master process (`haproxy -W -S SOCKET`), which reaches that of each worker: after a
 * reload, the workers before go on until their last association has ended. Rejects where there is no answer: a master that
 * begins anew, for a reload, may forget whom it owes one.
 */
export async function ask(socket: string, command: string): Promise<string> {
  const connection = connect(socket)
  await once(connection, 'connect')
  connection.setTimeout(ANSWER_MS, () => connection.destroy(new Error(`no answer to "${command}"`)))
  connection.end(`${command}\n`)
  return (await text(connection)).trim()
}

export interface Processes {
  /** reloads that came to nothing */
  failed: number
  /** pids, that of the worker which takes new associations first */
  workers: number[]
}

export async function processes(socket: string): Promise<Processes> {
  const told = await ask(socket, 'show proc')
  return {
    failed: Number(told.match(/\[failed: (\d+)\]/)?.[1]),
    workers: [...told.matchAll(/^(\d+)\s+worker\s/gm)].map(([, pid]) => Number(pid)),
  }
}

export interface Server {
  /** pool/name */
  name: string
  status: string
  associations: number
}

export async function servers(socket: string, worker: number): Promise<Server[]> {
  const [header = '', ...lines] = (await ask(socket, `@!${worker} show stat`)).split('\n')
  const columns = header.replace(/^# /, '').split(',')
  return lines
    .map(line => line.split(','))
    .map(cells => (column: string) => cells[columns.indexOf(column)] ?? '')
    .filter(cell => !['FRONTEND', 'BACKEND'].includes(cell('svname')))
    .map(cell => ({
      name: `${cell('pxname')}/${cell('svname')}`,
      status: cell('status'),
      associations: Number(cell('scur')),
    }))
}
