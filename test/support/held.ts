import { once } from 'node:events'
import type { Running } from '../../deploy/local/processes.ts'

/** For the environment of an agent, so that it can be asked what it holds. */
export const askable = { NODE_OPTIONS: '--inspect-port=0' }

/** Tells, as often as it is called, the KB that an agent holds; how much V8 keeps for what nobody needs any more is V8's affair. */
export async function heldBy(agent: Running): Promise<() => Promise<number>> {
  process.kill(agent.pid, 'SIGUSR1')
  const [, url = ''] = await agent.wrote(/Debugger listening on (ws:\S+)/)
  return async () => {
    const socket = new WebSocket(url)
    await once(socket, 'open', { signal: AbortSignal.timeout(10_000) }) // of what fails, it hears nothing
    const call = async (method: string, params = {}) => {
      socket.send(JSON.stringify({ id: 1, method, params }))
      const [{ data }] = await once(socket, 'message')
      return JSON.parse(data).result.result?.value
    }
    try {
      await call('HeapProfiler.collectGarbage')
      const bytes = '(({ heapUsed, external }) => heapUsed + external)(process.memoryUsage())'
      return (await call('Runtime.evaluate', { expression: bytes })) / 1024
    } finally {
      socket.close()
    }
  }
}
