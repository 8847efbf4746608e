import { createHash } from 'node:crypto'
import type { AssociationFacts } from './facts.ts'
import type { Route } from './rule-set.ts'

/**
 * The pool that a route leads to: of an ordered list the first that has a live server, or the very first if none has.
 * By weights, what sticks goes the same way for as long as the weights are the same, whatever is live: else the images
 * of one patient would be in two archives. What has nothing to stick to goes by the association's id, to pools that
 * have a live server.
 */
export function choosePool(
  { pools, weights }: Route,
  stick: readonly string[],
  { id = '', live }: AssociationFacts,
): string {
  const isLive = (pool: string) => live?.includes(pool) ?? true
  if (!weights) return pools.find(isLive) ?? pools[0] ?? ''
  const shares = pools.map((pool, index) => ({ pool, weight: weights[index] ?? 0 }))
  if (stick.length > 0) return byShare(shares, JSON.stringify(stick))
  const alive = shares.filter(({ pool }) => isLive(pool))
  return byShare(alive.length > 0 ? alive : shares, id)
}

/**
 * Weighted rendezvous hashing: every pool draws a number for `key`, and the lowest for its weight wins. So the order of
 * the pools does not matter, and a weight that grows draws keys to its pool and moves no other.
 */
function byShare(shares: readonly { pool: string; weight: number }[], key: string): string {
  let chosen = { pool: '', drawn: Number.POSITIVE_INFINITY }
  for (const { pool, weight } of shares) {
    const drawn = -Math.log(uniform(pool, key)) / weight
    if (drawn < chosen.drawn) chosen = { pool, drawn }
  }
  return chosen.pool
}

/** A number between 0 and 1, both excluded, that depends on the two texts alone. */
function uniform(pool: string, key: string): number {
  const hash = createHash('sha256').update(`${pool}\n${key}`).digest()
  return (hash.readUIntBE(0, 6) + 0.5) / 2 ** 48
}
