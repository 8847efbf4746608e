import type { Picture } from '../../dicom-samples/phantoms.ts'

/** Another JPEG encoder stays below (even quality 75 differs by 2), a visible change of the picture does not. */
export const lossyLimit = 4

const side = 8 // of a block, which is also JPEG's

/**
 * How far two native 8-bit colour pictures of one frame lie apart: the largest difference of the means over a block
 * and colour component. Grain and soft edges, which a lossy encoder may change, even out in it.
 */
export function blockDifference({ columns, rows }: Picture, a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length || a.length !== columns * rows * 3) return Number.POSITIVE_INFINITY
  const sums = new Map<string, number>()
  a.forEach((value, index) => {
    const pixel = Math.floor(index / 3)
    const [column, row] = [pixel % columns, Math.floor(pixel / columns)]
    const block = `${Math.floor(column / side)} ${Math.floor(row / side)} ${index % 3}`
    sums.set(block, (sums.get(block) ?? 0) + value - (b[index] ?? Number.NaN))
  })
  return Math.max(...[...sums.values()].map(Math.abs)) / side ** 2
}
