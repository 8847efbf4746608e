import type { Rounds } from './figures.ts'
import { progress } from './report.ts'
import { interleave } from './rounds.ts'

/** BENCH_SCALE: how much of everything is run, for a look at whether it works; 1 is what the page should have. */
export const scale = Number(process.env.BENCH_SCALE ?? 1)

/** So many of something, by the scale; `least` are needed for a figure that makes sense. */
export function scaled(count: number, least = 1): number {
  return Math.max(least, Math.round(count * scale))
}

/** Each table has so long for its rounds, so that all of them end in time on any machine. */
const tableSeconds = 40 * scale

/** What the rows of a table are made of, in as many rounds as its time allows. */
export function inRounds<Name extends string, T>(
  title: string,
  variants: Readonly<Record<Name, () => Promise<T>>>,
): Promise<Rounds<Name, T>> {
  const most = scaled(12, 2)
  return interleave(most, variants, progress(title, most), tableSeconds)
}
