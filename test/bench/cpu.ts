import { readdirSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'

/** Milliseconds of CPU that the threads of these processes have used; NaN where Linux does not say. */
export function cpuOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuOfOne(pid), 0)
}

function cpuOfOne(pid: number): number {
  try {
    // nanoseconds on the CPU come first: Documentation/scheduler/sched-stats.rst
    return readdirSync(`/proc/${pid}/task`)
      .map(thread => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1'))
      .reduce((sum, schedstat) => sum + Number.parseInt(schedstat, 10) / 1e6, 0)
  } catch {
    return Number.NaN
  }
}

/** Milliseconds of CPU that all processes have used, in steps of 10. */
export function cpuOfAll(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0)
}
