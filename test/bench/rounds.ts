/** Fewer rounds have no middle. */
const leastRounds = 3

/**
 * Measures every variant once in each round, every other round in the opposite order, so that what the machine does
 * beside falls on all of them alike. After so many seconds, no further round begins, but for the first three.
 */
export async function interleave<Name extends string, T>(
  rounds: number,
  variants: Readonly<Record<Name, () => Promise<T>>>,
  done: (rounds: number) => void,
  seconds = Number.POSITIVE_INFINITY,
): Promise<Record<Name, T>[]> {
  const end = performance.now() + seconds * 1000
  const names = Object.keys(variants) as Name[]
  const results: Record<Name, T>[] = []
  for (let round = 0; round < rounds; round++) {
    if (round >= leastRounds && performance.now() > end) break
    const result = {} as Record<Name, T>
    for (const name of round % 2 === 0 ? names : names.toReversed()) result[name] = await variants[name]()
    results.push(result)
    done(round + 1)
  }
  return results
}

/** The middle of some numbers, and how far they spread. */
export interface Spread {
  median: number
  /** holds the median of many more such numbers with a probability of 95 % */
  confidence: [number, number]
  quartiles: [number, number]
  range: [number, number]
}

export function spread(numbers: readonly number[]): Spread {
  const at = quantiles(numbers)
  // whatever the numbers' distribution is: how many of them are below their median is binomial
  const margin = 0.98 / Math.sqrt(numbers.length)
  return {
    median: at(0.5),
    confidence: [at(0.5 - margin), at(0.5 + margin)],
    quartiles: [at(0.25), at(0.75)],
    range: [at(0), at(1)],
  }
}

/** What a share of the numbers, 0 to 1, is not above: 0.5 gives the median. Between two of them it is a part of the way. */
export function quantiles(numbers: readonly number[]): (share: number) => number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return share => {
    const place = Math.min(Math.max(share, 0), 1) * (sorted.length - 1)
    const below = sorted[Math.floor(place)] ?? Number.NaN
    const above = sorted[Math.ceil(place)] ?? Number.NaN
    return below + (above - below) * (place % 1)
  }
}
