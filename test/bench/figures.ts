import type { Figure } from './page.ts'

/** What was measured in each round, by variant. */
export type Rounds<Name extends string, T> = readonly Readonly<Record<Name, T>>[]

export function figure<Name extends string, T>(
  rounds: Rounds<Name, T>,
  name: Name,
  of: (measured: T) => number,
  digits: number,
): Figure {
  return { numbers: rounds.map(round => of(round[name])), digits }
}

/** The same of `name` to that of `base`, in each round. */
export function ratio<Name extends string, T>(
  rounds: Rounds<Name, T>,
  name: Name,
  base: Name,
  of: (measured: T) => number,
): Figure {
  return { numbers: rounds.map(round => of(round[name]) / of(round[base])), digits: 2 }
}

export function elsewhereIn(rounds: Rounds<string, { elsewhere: number }>): number[] {
  return rounds.flatMap(round => Object.values(round).map(({ elsewhere }) => elsewhere))
}
