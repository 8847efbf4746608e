import type { Logger } from 'pino'

/** Lines in a minute. */
const LINES = 10
const MINUTE_MS = 60_000

/** Logs errors of SPOP: whoever reaches the port can cause any number of them, and must not fill the disk. */
export function logErrors(log: Logger): (error: Error) => void {
  let errors = 0
  const tellMore = () => {
    if (errors > LINES) log.warn({ more: errors - LINES }, 'SPOP: further errors in this minute, not logged')
    errors = 0
  }
  return error => {
    if (errors === 0) setTimeout(tellMore, MINUTE_MS).unref()
    errors++
    if (errors <= LINES) log.warn({ err: error }, 'SPOP')
  }
}
