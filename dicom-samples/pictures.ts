import {
  anyOf,
  capsule,
  ellipse,
  grainy,
  type Layer,
  layers,
  mirrored,
  type Picture,
  type Region,
  type Shade,
  within,
} from './phantoms.ts'

const ctOffset = 1024 // of stored values to Hounsfield units: Rescale Intercept is -1024

function ctPicture(...stack: readonly Layer[]): Picture {
  const hounsfield = grainy(layers(-1000, ...stack), 6)
  return grey12(64, 64, (x, y) => hounsfield(x, y) + ctOffset)
}

function grey12(columns: number, rows: number, shade: Shade): Picture {
  return { columns, rows, bitsStored: 12, photometric: 'MONOCHROME2', shades: [shade] }
}

/** Slice 1 is the lowest of four: the ventricles open upwards, and a round bleed shows in slice 3. */
export function ctHead(slice: 1 | 2 | 3 | 4): Picture {
  const size = 1.04 - 0.04 * slice
  const ventricle = 0.06 * slice
  const bleed: Layer = [ellipse(-0.3, 0.25, 0.11, 0.11), 72]
  return ctPicture(
    [ellipse(0, 0, 0.72 * size, 0.9 * size), 30],
    [ellipse(0, 0, 0.68 * size, 0.86 * size), 1000],
    [ellipse(0, 0, 0.61 * size, 0.79 * size), 38],
    [ellipse(0, 0, 0.5 * size, 0.66 * size), 28],
    [mirrored(ellipse(0.12, -0.12, 0.06, ventricle)), 6],
    [ellipse(0, 0.14, 0.03, ventricle / 2), 6],
    ...(slice === 3 ? [bleed] : []),
  )
}

export function ctChest(heartX: number): Picture {
  const chestWall = ellipse(0, 0, 0.95, 0.7)
  const ribs = [0.2, 0.6, 1, 1.4].map(angle =>
    mirrored(ellipse(0.83 * Math.cos(angle - 0.6), 0.58 * Math.sin(angle - 0.6), 0.06, 0.04)),
  )
  return ctPicture(
    [chestWall, -90],
    [ellipse(0, 0, 0.88, 0.62), 45],
    [mirrored(ellipse(0.44, -0.02, 0.33, 0.47)), (x, y) => -820 + 60 * Math.cos(14 * x) * Math.cos(11 * y)],
    [anyOf(...ribs), 450],
    [ellipse(heartX, -0.06, 0.28, 0.25), 50],
    [ellipse(0.12, 0.28, 0.07, 0.07), 160],
    [ellipse(0, 0.46, 0.13, 0.11), 350],
    [ellipse(0, 0.5, 0.05, 0.04), 20],
  )
}

export function ctNeck(): Picture {
  return ctPicture(
    [ellipse(0, 0, 0.72, 0.62), -80],
    [ellipse(0, 0, 0.67, 0.57), 55],
    [ellipse(0, -0.25, 0.11, 0.13), -1000],
    [mirrored(ellipse(0.3, -0.1, 0.07, 0.08)), 180],
    [
      anyOf(
        ellipse(0, 0.1, 0.19, 0.14),
        mirrored(capsule(0, 0.3, 0.26, 0.2, 0.06)),
        capsule(0, 0.3, 0, 0.5, 0.05),
      ),
      550,
    ],
    [ellipse(0, 0.25, 0.1, 0.08), 25],
  )
}

export function ctPelvis(): Picture {
  return ctPicture(
    [ellipse(0, 0, 0.95, 0.66), -100],
    [ellipse(0, 0, 0.84, 0.55), 50],
    [mirrored(capsule(0.38, -0.25, 0.6, 0.25, 0.09)), 380],
    [mirrored(ellipse(0.6, 0.05, 0.16, 0.16)), 620],
    [ellipse(0, -0.12, 0.22, 0.18), 8],
    [ellipse(0, 0.36, 0.16, 0.1), 420],
  )
}

export function mrBrain(): Picture {
  const folds: Shade = (x, y) => 780 + 260 * Math.cos(26 * Math.atan2(y, x) + 9 * Math.hypot(x, y))
  const signal = layers(
    15,
    [ellipse(0, 0, 0.74, 0.92), 1150],
    [ellipse(0, 0, 0.69, 0.87), 90],
    [ellipse(0, 0, 0.63, 0.81), 1900],
    [ellipse(0, 0, 0.6, 0.78), folds],
    [ellipse(0, 0, 0.46, 0.62), 640],
    [mirrored(ellipse(0.13, -0.08, 0.07, 0.25)), 1950],
    [mirrored(ellipse(0.24, 0.12, 0.09, 0.13)), 820],
  )
  return grey12(64, 64, grainy(signal, 30))
}

export function mrKnee(): Picture {
  const signal = layers(
    10,
    [capsule(0, -1.2, 0, 1.2, 0.78), 900],
    [capsule(0, -1.2, 0, 1.2, 0.7), 380],
    [anyOf(capsule(0.05, -1.2, 0.05, -0.4, 0.25), ellipse(0, -0.28, 0.44, 0.34)), 1250],
    [anyOf(capsule(0.08, 1.2, 0.08, 0.5, 0.25), ellipse(0.05, 0.38, 0.45, 0.2)), 1200],
    [ellipse(-0.57, -0.3, 0.09, 0.2), 1150],
    [anyOf(ellipse(-0.3, 0.12, 0.14, 0.05), ellipse(0.34, 0.12, 0.14, 0.05)), 60],
    [capsule(-0.56, -0.1, -0.42, 0.42, 0.04), 80],
    [capsule(-0.1, -0.02, 0.12, 0.18, 0.03), 120],
  )
  return grey12(64, 64, grainy(signal, 25))
}

/** A sector below the probe: liver, gall bladder, kidney, and one vessel in Doppler red. */
export function usAbdomen(): Picture {
  const depth = (x: number, y: number) => Math.hypot(x, y + 0.95)
  const sector: Region = (x, y) => depth(x, y) > 0.2 && depth(x, y) < 1.6 && Math.abs(x) < 0.75 * (y + 0.95)
  const vessel = within(capsule(-0.35, 0.35, 0.25, 0.2, 0.07), sector)
  const tissue: Shade = (x, y) => 130 - 45 * depth(x, y)
  const echo = layers(
    0,
    [sector, grainy(tissue, 30)],
    [within(ellipse(-0.2, -0.15, 0.17, 0.11), sector), 8],
    [within(ellipse(0.4, 0.02, 0.26, 0.15), sector), grainy(() => 55, 15)],
    [within(ellipse(0.4, 0.02, 0.13, 0.05), sector), 170],
  )
  const component = (doppler: number) => layers(0, [() => true, echo], [vessel, doppler])
  return {
    columns: 96,
    rows: 80,
    bitsStored: 8,
    photometric: 'RGB',
    shades: [component(210), component(40), component(30)],
  }
}

export function crChest(): Picture {
  const lungs = mirrored(ellipse(0.42, -0.1, 0.3, 0.72))
  const ribs: Shade = (x, y) => 160 * Math.max(0, Math.cos(18 * (y - 0.5 * x * x))) ** 3
  const bright = layers(
    120,
    [ellipse(0, 0.5, 0.97, 1.55), 2000],
    [lungs, (x, y) => 750 + ribs(x, y)],
    [ellipse(0.15, 0.28, 0.33, 0.36), 2500],
    [capsule(0, -1.3, 0, 1.3, 0.13), 2750],
    [capsule(0, -1.3, 0, -0.35, 0.05), 2100],
    [mirrored(ellipse(0.42, 0.75, 0.44, 0.3)), 2650],
    [mirrored(capsule(0.1, -0.78, 0.75, -0.92, 0.04)), 2450],
  )
  return grey12(64, 72, grainy(bright, 20))
}

export function dxHand(): Picture {
  const fingers = [
    [-0.3, 0.1, -0.52, -0.75],
    [-0.12, 0.05, -0.2, -1],
    [0.08, 0.05, 0.12, -1.02],
    [0.26, 0.1, 0.42, -0.8],
    [0.3, 0.65, 0.8, 0.02],
  ] as const
  const flesh = fingers.map(([x1, y1, x2, y2]) => capsule(x1, y1, x2, y2, 0.12))
  const phalanges = [
    [-0.4, -0.06],
    [0.1, 0.34],
    [0.48, 0.66],
    [0.8, 0.92],
  ] as const
  const bones = fingers.flatMap(([x1, y1, x2, y2]) =>
    phalanges.map(([from, to]) => {
      const [dx, dy] = [x2 - x1, y2 - y1]
      return capsule(x1 + from * dx, y1 + from * dy, x1 + to * dx, y1 + to * dy, 0.045)
    }),
  )
  const wrist = [-0.18, 0, 0.18].flatMap(x => [ellipse(x, 0.72, 0.1, 0.08), ellipse(x, 0.56, 0.09, 0.07)])
  const bright = layers(
    80,
    [anyOf(...flesh, ellipse(0, 0.4, 0.46, 0.5), capsule(0, 0.6, 0, 1.4, 0.3)), 1100],
    [anyOf(...bones, ...wrist, mirrored(capsule(0.14, 0.95, 0.14, 1.4, 0.1))), 2900],
  )
  return grey12(64, 80, grainy(bright, 15))
}

/** The chest wall is at the left edge, the nipple points to the right; three specks of calcium. */
export function mgBreast(): Picture {
  const gland: Shade = (x, y) => 1500 + 450 * Math.sin(9 * x + 5 * y) * Math.cos(8 * y - 4 * x)
  const specks = [0, 1, 2].map(index => ellipse(-0.35 + 0.07 * index, 0.2 - 0.06 * (index % 2), 0.03, 0.03))
  const bright = layers(
    20,
    [anyOf(ellipse(-1, 0, 1.62, 1.2), ellipse(0.62, 0.05, 0.07, 0.07)), 800],
    [ellipse(-1, 0, 1.5, 1.1), 1000],
    [ellipse(-0.55, 0.05, 0.75, 0.7), gland],
    [anyOf(...specks), 3900],
  )
  return grey12(64, 96, grainy(bright, 25))
}

/** Three frames, in which contrast medium runs down the coronary arteries. */
export function xaHeart(): Picture {
  const course = [
    [-0.35, -0.7, -0.1, -0.35, 0.07],
    [-0.1, -0.35, 0.25, -0.1, 0.06],
    [-0.1, -0.35, -0.3, 0.1, 0.05],
    [0.25, -0.1, 0.4, 0.35, 0.05],
    [-0.3, 0.1, -0.2, 0.55, 0.04],
    [0.25, -0.1, 0.6, 0.05, 0.03],
    [0.4, 0.35, 0.25, 0.75, 0.03],
  ] as const
  const vessels = course.map(([x1, y1, x2, y2, radius]) => capsule(x1, y1, x2, y2, radius))
  const shades = [2, 5, 7].map(filled =>
    grainy(
      layers(
        200,
        [() => true, (x, y) => 200 - 45 * Math.hypot(x, y)],
        [ellipse(0.1, 0.15, 0.62, 0.65), 135],
        [capsule(-0.9, -1.1, -0.35, -0.7, 0.03), 60],
        [anyOf(...vessels.slice(0, filled)), 45],
      ),
      6,
    ),
  )
  return { columns: 64, rows: 64, bitsStored: 8, photometric: 'MONOCHROME2', shades }
}

export function testCard(): Picture {
  const shade = layers(
    40,
    [() => true, (x, y) => (y > 0.6 ? 16 * Math.round(8 + 7.5 * x) : 70)],
    [ellipse(0, -0.15, 0.65, 0.65), x => 128 + 120 * x],
    [anyOf(capsule(-1, -0.15, 1, -0.15, 0.02), capsule(0, -1, 0, 0.6, 0.02)), 250],
  )
  return { columns: 64, rows: 64, bitsStored: 8, photometric: 'MONOCHROME2', shades: [shade] }
}
