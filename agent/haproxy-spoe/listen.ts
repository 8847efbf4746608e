import { once } from 'node:events'
import { lstat, unlink } from 'node:fs/promises'
import { createConnection, type ListenOptions, type Server } from 'node:net'

/** Listens on TCP or a Unix socket; a socket file left over by an agent that was killed is removed first. */
export async function bind(server: Server, address: ListenOptions): Promise<void> {
  try {
    await listening(server, address)
  } catch (error) {
    const { path } = address
    const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
    if (!taken || path === undefined || !(await isStale(path))) throw error
    await unlink(path)
    await listening(server, address)
  }
}

/** Rejects with the error that `listen` emits. */
async function listening(server: Server, address: ListenOptions): Promise<void> {
  server.listen(address)
  await once(server, 'listening')
}

/** Whether `path` is a socket on which nobody listens. */
async function isStale(path: string): Promise<boolean> {
  if (!(await lstat(path)).isSocket()) return false
  const probe = createConnection(path)
  try {
    await once(probe, 'connect')
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'
  } finally {
    probe.destroy()
  }
}
