import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** Whether something on this machine accepts connections on a TCP port. */
export function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

/** Resolves when it does. */
export async function answering(port: number): Promise<void> {
  while (!(await answers(port))) await sleep(20)
}

/** Why a TCP port cannot be listened on, undefined if it can. Whoever listens there is not disturbed by the question. */
export async function obstacle(port: number): Promise<'taken' | 'not allowed' | undefined> {
  const server = createServer()
  try {
    await once(server.listen(port), 'listening')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') return 'taken'
    if (code === 'EACCES') return 'not allowed'
    throw error
  }
  const closed = once(server, 'close')
  server.close()
  await closed
  return undefined
}
