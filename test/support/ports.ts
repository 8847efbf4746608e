import { once } from 'node:events'
import { createServer, type ListenOptions } from 'node:net'

/** Ports below those that Linux gives to clients and to servers that ask for any (`ip_local_port_range`, from 32768). */
const FIRST = 16_384
const LAST = 32_767

/**
 * A port that nobody listens on, and that no other caller gets, in any test process of this machine, as long as this
 * process lives. HAProxy would share it silently (SO_REUSEPORT), and a test's client would ask another test's balancer.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST + 1 - FIRST))
    // a name in Linux' abstract namespace: only one process has it, and it ends with the process
    const owned = await listening({ path: `\0dicom-load-balancer/test/port/${port}` })
    if (!owned) continue
    const probe = await listening({ host: '127.0.0.1', port })
    if (!probe) continue
    probe.close()
    await once(probe, 'close')
    return port
  }
}

/** A server that does not keep the process alive, or nothing where somebody else listens. */
async function listening(where: ListenOptions) {
  const server = createServer().listen(where).unref()
  try {
    await once(server, 'listening')
    return server
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined
    throw error
  }
}
