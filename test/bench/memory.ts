import { readFileSync } from 'node:fs'

/** KB of memory that are the process's own. */
export function memoryOf(pid: number): number {
  const [, kilobytes] = readFileSync(`/proc/${pid}/status`, 'latin1').match(/^RssAnon:\s+(\d+) kB$/m) ?? []
  return Number(kilobytes)
}
