/** BENCH_SCALE: how much of everything is run, for a look at whether it works; 1 is what the page should have. */
export const scale = Number(process.env.BENCH_SCALE ?? 1)

/** So many of something, by the scale; `least` are needed for a figure that makes sense. */
export function scaled(count: number, least = 1): number {
  return Math.max(least, Math.round(count * scale))
}
