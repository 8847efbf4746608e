import { availableParallelism } from 'node:os'
import { cpuOf, cpuOfAll } from './cpu.ts'
import type { Load, LoadResult } from './load.ts'
import type { Loader } from './processes.ts'

export interface Measurement extends LoadResult, Usage {
  /** C-STOREs in each association */
  instances: number
}

export interface Usage {
  /** milliseconds of CPU of the load, and of the processes that were watched */
  cpuOf: Record<string, number>
  /** the share of the machine, 0 to 1, that processes had which were not watched */
  elsewhere: number
}

/** The ids of processes, by what they are. */
export type Watched = Readonly<Record<string, readonly number[]>>

/** Runs one load, and watches what CPU these processes, and the whole machine, use meanwhile. */
export async function measure(loader: Loader, load: Load, watched: Watched): Promise<Measurement> {
  return { ...(await watch(watched, () => loader.run(load))), instances: load.instances }
}

/** Seconds after which nothing more is to be expected: a bench must end. */
const runLimit = 120

/** Rejects when it takes longer. */
export async function within<T>(seconds: number, running: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`not done in ${seconds} s`)), seconds * 1000)
  try {
    return await Promise.race([running, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** The same for any load that tells its own CPU. */
export async function watch<R extends { cpu: number }>(
  watched: Watched,
  run: () => Promise<R>,
): Promise<R & Usage> {
  const used = () => Object.entries(watched).map(([name, pids]) => [name, cpuOf(pids)] as const)
  const start = performance.now()
  const before = { all: cpuOfAll(), each: Object.fromEntries(used()) }
  const result = await within(runLimit, run())
  const machine = (performance.now() - start) * availableParallelism()
  const each = used().map(([name, ms]) => [name, ms - (before.each[name] ?? 0)] as const)
  const ours = each.reduce((sum, [, ms]) => sum + ms, result.cpu)
  return {
    ...result,
    cpuOf: { load: result.cpu, ...Object.fromEntries(each) },
    elsewhere: Math.max(0, cpuOfAll() - before.all - ours) / machine,
  }
}

/** For each C-STORE of the first association but the first, which a delayed association is bound by. */
export function millisecondsEach({ associations: [times], instances }: Measurement): number {
  return (times?.rest ?? Number.NaN) / (instances - 1)
}

/** Of a C-STORE that nothing else on this machine disturbs: three of four take longer. */
export function undisturbedMilliseconds({ associations: [times] }: Measurement): number {
  return times?.stores.quartiles[0] ?? Number.NaN
}
