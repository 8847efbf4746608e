import { connect } from 'node:net'
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
