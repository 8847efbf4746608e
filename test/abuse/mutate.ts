/** Bytes that lengths, types and flags are often confused by. */
const telling = [0x00, 0x01, 0x7f, 0x80, 0xef, 0xf0, 0xff]

/** The same bytes with one to four mistakes in them: changed, gone, too many, twice, or cut off. */
export function mutate(bytes: Buffer, random: () => number): Buffer {
  const below = (limit: number) => Math.floor(limit * random())
  let mutated = Buffer.from(bytes)
  for (let mistakes = 1 + below(4); mistakes > 0 && mutated.length > 0; mistakes--) {
    const at = below(mutated.length)
    const end = at + 1 + below(Math.min(16, mutated.length - at))
    const [before, piece, behind] = [
      mutated.subarray(0, at),
      mutated.subarray(at, end),
      mutated.subarray(end),
    ]
    switch (below(6)) {
      case 0:
        mutated[at] = (mutated[at] ?? 0) ^ (1 << below(8))
        break
      case 1:
        mutated[at] = telling[below(telling.length)] ?? 0
        break
      case 2:
        mutated = Buffer.concat([before, behind])
        break
      case 3:
        mutated = Buffer.concat([before, piece, piece, behind])
        break
      case 4:
        mutated = Buffer.concat([before, Uint8Array.from(piece, () => below(256)), behind])
        break
      default:
        // seldom, or nothing else would be tried
        if (random() < 0.2) mutated = Buffer.from(before)
    }
  }
  return mutated
}
