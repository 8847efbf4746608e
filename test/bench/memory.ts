import { readFileSync } from 'node:fs'

/** Kilobytes that a process has in memory. */
export function resident(pid: number): number {
  const [, kilobytes] = readFileSync(`/proc/${pid}/status`, 'latin1').match(/^VmRSS:\s+(\d+) kB$/m) ?? []
  return Number(kilobytes)
}
