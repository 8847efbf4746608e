// Association set-up: how long a client waits, and how many can be set up.
import type { Measurement } from './measure.ts'
import type { Figure, Goal, Row, Section, Table } from './page.ts'
import { progress } from './report.ts'
import { interleave, quantiles } from './rounds.ts'
import { scaled } from './scale.ts'
import { withStarted } from './started.ts'
import { startWays, type Way, type WayName, wayNames } from './ways.ts'

const loads = [
  { parallel: 1, associations: 1_000 },
  { parallel: 32, associations: 2_000 },
  { parallel: 256, associations: 3_000 },
]
const shape = { instances: 1, studies: 1, size: 4096, pduLength: 16384 }

const how = `
Each association sends one instance of 4 KB (CT Image Storage, one presentation context) and is released; so many at a time
are open all the time. Milliseconds from the A-ASSOCIATE-RQ to the A-ASSOCIATE-AC ("AC") and to the first C-STORE-RSP
("RSP"). On the delayed path, HAProxy answers with the AC by itself, and the PACS is reached with the dataset: RSP is the
honest figure. The ratios are of medians.`

const shares = { p50: 0.5, p99: 0.99, 'p99.9': 0.999 }
const columns = [
  'per second',
  ...Object.keys(shares).map(share => `AC ${share}`),
  ...Object.keys(shares).map(share => `RSP ${share}`),
  'AC to plain TCP',
  'RSP to plain TCP',
]

interface SetUp {
  perSecond: number
  /** milliseconds by share */
  ac: number[]
  rsp: number[]
  elsewhere: number
}

export function setUp(): Promise<Section> {
  return withStarted(async start => {
    const ways = await startWays(start)
    const tables: Table[] = []
    const goals: Goal[] = []
    const elsewhere: number[] = []
    for (const load of loads) {
      const rounds = await measured(ways, { ...load, associations: scaled(load.associations, 100) })
      const atATime = `${load.parallel} at a time`
      tables.push({ caption: `${atATime}:`, columns, rows: wayNames.map(name => row(name, rounds)) })
      goals.push(
        {
          goal: `direct path, RQ to AC, median, to plain HAProxy TCP, ${atATime}`,
          must: 'at most',
          be: 1.15,
          figure: toPlain(rounds, 'ours, direct', ({ ac }) => ac),
        },
        {
          goal: `delayed path, RQ to C-STORE-RSP, median, to plain HAProxy TCP, ${atATime}`,
          must: 'at most',
          be: 2,
          figure: toPlain(rounds, 'ours, delayed', ({ rsp }) => rsp),
        },
      )
      elsewhere.push(...rounds.flatMap(round => Object.values(round).map(way => way.elsewhere)))
    }
    return { title: 'Association set-up', how, tables, goals, elsewhere }
  })
}

type Round = Readonly<Record<WayName, SetUp>>

function measured(
  ways: Readonly<Record<WayName, Way>>,
  load: { parallel: number; associations: number },
): Promise<Round[]> {
  const rounds = scaled(12, 2)
  const variants = Object.fromEntries(
    wayNames.map(name => [name, async () => summary(await ways[name]({ ...shape, ...load }))]),
  ) as Record<WayName, () => Promise<SetUp>>
  return interleave(rounds, variants, progress(`set-up, ${load.parallel} at a time`, rounds))
}

function summary({ associations, elapsed, elsewhere }: Measurement): SetUp {
  const byShare = (milliseconds: readonly number[]) => Object.values(shares).map(quantiles(milliseconds))
  return {
    perSecond: (associations.length / elapsed) * 1000,
    ac: byShare(associations.map(({ associate }) => associate)),
    rsp: byShare(associations.map(({ associate, first }) => associate + first)),
    elsewhere,
  }
}

function row(name: WayName, rounds: readonly Round[]): Row {
  const figure = (of: (setUp: SetUp) => number, digits: number): Figure => ({
    numbers: rounds.map(round => of(round[name])),
    digits,
  })
  const byShare = (of: (setUp: SetUp) => number[]) =>
    Object.keys(shares).map((_, index) => figure(setUp => of(setUp)[index] ?? Number.NaN, 2))
  return {
    name,
    cells: [
      figure(({ perSecond }) => perSecond, 0),
      ...byShare(({ ac }) => ac),
      ...byShare(({ rsp }) => rsp),
      toPlain(rounds, name, ({ ac }) => ac),
      toPlain(rounds, name, ({ rsp }) => rsp),
    ],
  }
}

/** The median to that of plain TCP through HAProxy. */
function toPlain(rounds: readonly Round[], name: WayName, of: (setUp: SetUp) => number[]): Figure {
  const median = (setUp: SetUp) => of(setUp)[0] ?? Number.NaN
  return {
    numbers: rounds.map(round => median(round[name]) / median(round['HAProxy, plain TCP'])),
    digits: 2,
  }
}
