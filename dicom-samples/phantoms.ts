/**
 * Pictures by formula. A shade is what is seen at a point: x runs from -1 at the left edge to 1 at the right, and y
 * grows downwards from 0 at the middle in the same unit, so a circle stays a circle in an oblong picture.
 */
export type Shade = (x: number, y: number) => number
export type Region = (x: number, y: number) => boolean

export type Layer = readonly [Region, number | Shade]

/** The topmost (last) layer that covers a point is what is seen there. */
export function layers(background: number, ...stack: readonly Layer[]): Shade {
  return (x, y) => {
    const top = stack.findLast(([covers]) => covers(x, y))
    if (top === undefined) return background
    return typeof top[1] === 'number' ? top[1] : top[1](x, y)
  }
}

export function ellipse(centreX: number, centreY: number, radiusX: number, radiusY: number): Region {
  return (x, y) => ((x - centreX) / radiusX) ** 2 + ((y - centreY) / radiusY) ** 2 <= 1
}

/** A bar with round ends from one point to another. */
export function capsule(x1: number, y1: number, x2: number, y2: number, radius: number): Region {
  const [dx, dy] = [x2 - x1, y2 - y1]
  return (x, y) => {
    const along = Math.min(1, Math.max(0, ((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy)))
    return Math.hypot(x - x1 - along * dx, y - y1 - along * dy) <= radius
  }
}

export function anyOf(...regions: readonly Region[]): Region {
  return (x, y) => regions.some(covers => covers(x, y))
}

export function mirrored(region: Region): Region {
  return (x, y) => region(x, y) || region(-x, y)
}

export function within(region: Region, border: Region): Region {
  return (x, y) => region(x, y) && border(x, y)
}

/** Grain that is the same on every run: -amount to amount, by position. */
export function grainy(shade: Shade, amount: number): Shade {
  return (x, y) => {
    let hash = Math.imul(Math.round(x * 997), 0x9e3779b1) ^ Math.imul(Math.round(y * 991), 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
    hash ^= hash >>> 12
    return shade(x, y) + amount * (((hash >>> 0) % 2001) / 1000 - 1)
  }
}

export interface Picture {
  columns: number
  rows: number
  bitsStored: 8 | 12
  photometric: 'MONOCHROME1' | 'MONOCHROME2' | 'RGB'
  /** One shade per frame and colour component, frame by frame. */
  shades: readonly Shade[]
}

/** Native pixel data, colour by pixel, in 8 or 16 allocated bits. */
export function draw(picture: Picture, byteOrder: 'little' | 'big'): Buffer {
  const { columns, rows, bitsStored, shades } = picture
  const samples = samplesPerPixel(picture)
  const bytes = bitsStored > 8 ? 2 : 1
  const out = Buffer.alloc(columns * rows * shades.length * bytes)
  shades.forEach((shade, plane) => {
    const [frame, sample] = [Math.floor(plane / samples), plane % samples]
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const at = (((frame * rows + row) * columns + column) * samples + sample) * bytes
        const value = Math.round(average(shade, column, row, columns, rows))
        const stored = Math.min(2 ** bitsStored - 1, Math.max(0, value))
        if (byteOrder === 'little') out.writeUIntLE(stored, at, bytes)
        else out.writeUIntBE(stored, at, bytes)
      }
    }
  })
  return out
}

export function samplesPerPixel(picture: Picture): 1 | 3 {
  return picture.photometric === 'RGB' ? 3 : 1
}

/** Mean over nine points of the pixel, which takes the steps out of slanted edges. */
function average(shade: Shade, column: number, row: number, columns: number, rows: number): number {
  let sum = 0
  for (let step = 0; step < 9; step++) {
    const x = column + (1 + 2 * (step % 3)) / 6
    const y = row + (1 + 2 * Math.floor(step / 3)) / 6
    sum += shade((2 * x - columns) / columns, (2 * y - rows) / columns)
  }
  return sum / 9
}
