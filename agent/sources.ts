import type { Logger } from 'pino'

const ENOUGH = 100
/** Docker's and Podman's networks have their gateway there; a client hardly ever is. */
const GATEWAY = /^(?:10\.\d+|172\.(?:1[6-9]|2\d|3[01])|192\.168)\.\d+\.1$/

/**
 * To be called with the source of each association. Warns once if the first 100 all come from one address that looks like a
 * container's gateway: rules on `source`, and limits for each address, then hold for all clients together.
 */
export function watchSources(log: Logger): (source: string) => void {
  let seen = 0
  let only: string | undefined
  return source => {
    if (seen === ENOUGH) return
    seen++
    if (seen === 1) only = source
    else if (source !== only) only = undefined
    if (seen < ENOUGH || only === undefined || !GATEWAY.test(only)) return
    log.warn(
      { source },
      'all clients seem to come from a container gateway: rules on source do not tell them apart',
    )
  }
}
