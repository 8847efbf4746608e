import { setImmediate } from 'node:timers/promises'

/** Long work that may pause wherever it yields. */
export type Slices<T> = Generator<void, T>

/** For how long others are kept waiting at a time. */
const SLICE_MS = 20

/** For programs that have nothing else to do meanwhile. */
export function atOnce<T>(work: Slices<T>): T {
  for (;;) {
    const { done, value } = work.next()
    if (done) return value
  }
}

/** In slices, between which the event loop turns. */
export async function inSlices<T>(work: Slices<T>): Promise<T> {
  let start = performance.now()
  for (;;) {
    const { done, value } = work.next()
    if (done) return value
    if (performance.now() - start < SLICE_MS) continue
    await setImmediate()
    start = performance.now()
  }
}
