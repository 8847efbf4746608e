// Association set-up: how long a client waits, and how many can be set up.
import { elsewhereIn, figure, type Rounds, ratio } from './figures.ts'
import type { Measurement } from './measure.ts'
import type { Goal, Row, Section, Table } from './page.ts'
import { quantiles } from './rounds.ts'
import { scaled } from './scale.ts'
import { withStarted } from './started.ts'
import { measureWays, startWays, type WayName, wayNames } from './ways.ts'

const loads = [
  { parallel: 1, associations: 1_000 },
  { parallel: 32, associations: 2_000 },
  { parallel: 256, associations: 2_000 },
]
const shape = { instances: 1, studies: 1, size: 4096, pduLength: 16384 }

/** What runs for weeks has compiled what it needs. */
const warmUp = { parallel: 8, associations: 2_000 }

const how = `
Each association sends one instance of 4 KB (CT Image Storage, one presentation context) and is released; so many at a time
are open all the time. Milliseconds from the A-ASSOCIATE-RQ to the A-ASSOCIATE-AC ("AC") and to the first C-STORE-RSP
("RSP"). On the delayed path, HAProxy answers with the AC by itself, and the PACS is reached with the dataset: RSP is the
honest figure. The ratios are of medians.

HAProxy that asks a bare agent gives it the A-ASSOCIATE-RQ and does nothing with the answer, in which the agent (test/bench/bare-agent.ts)
has written what needs no rules: so much any question by SPOE costs. HAProxy that binds late (test/bench/binding-late.lua) then answers the
client, gives the agent what that sends, too, and connects and associates with the PACS only then: so much the delayed path costs whoever
decides. They are the limits of the goals. What ours takes beyond them, they leave out: the rules, the log and the metrics in the agents, the checks
of what clients and the PACS send, and the guard, which sees to it that no later instance lands in a pool that is not its own. What the
guard has of it tells the row without it. CPU is microseconds for each association, of HAProxy or nginx, and of the agents.

Everything has carried ${warmUp.associations.toLocaleString('en')} associations before it is measured.`

const plain = 'HAProxy, plain TCP'

/** A filter costs something for what passes. */
const names = wayNames.filter(name => !/filter/.test(name))

const shares = { p50: 0.5, p99: 0.99, 'p99.9': 0.999 }
const columns = [
  'per second',
  ...Object.keys(shares).map(share => `AC ${share}`),
  ...Object.keys(shares).map(share => `RSP ${share}`),
  'CPU',
  'CPU of agents',
  'AC to plain TCP',
  'RSP to plain TCP',
]

interface SetUp {
  perSecond: number
  /** milliseconds by share */
  ac: number[]
  rsp: number[]
  /** microseconds for each association */
  cpu: number
  agentsCpu: number
  elsewhere: number
}

export function setUp(): Promise<Section> {
  return withStarted(async start => {
    const ways = await startWays(start)
    for (const name of names)
      await ways[name]({ ...shape, ...warmUp, associations: scaled(warmUp.associations, 100) })
    const tables: Table[] = []
    const goals: Goal[] = []
    const elsewhere: number[] = []
    for (const { parallel, associations } of loads) {
      const atATime = `${parallel} at a time`
      const load = { ...shape, parallel, associations: scaled(associations, 100) }
      const rounds = await measureWays(ways, names, `set-up, ${atATime}`, load, summary)
      tables.push({ caption: atATime, columns, rows: names.map(name => row(name, rounds)) })
      goals.push(
        {
          goal: `direct path, RQ to AC, median, to plain HAProxy TCP, ${atATime}`,
          must: 'at most',
          be: 1.15,
          figure: ratio(rounds, 'ours, direct', plain, ({ ac }) => median(ac)),
          limit: ratio(rounds, 'HAProxy, asking a bare agent', plain, ({ ac }) => median(ac)),
        },
        {
          goal: `delayed path, RQ to C-STORE-RSP, median, to plain HAProxy TCP, ${atATime}`,
          must: 'at most',
          be: 2,
          figure: ratio(rounds, 'ours, delayed', plain, ({ rsp }) => median(rsp)),
          limit: ratio(rounds, 'HAProxy, binding late', plain, ({ rsp }) => median(rsp)),
        },
      )
      elsewhere.push(...elsewhereIn(rounds))
    }
    return { title: 'Association set-up', how, tables, goals, elsewhere }
  })
}

function summary({ associations, elapsed, elsewhere, cpuOf }: Measurement): SetUp {
  const each = (milliseconds = 0) => (milliseconds / associations.length) * 1000
  const byShare = (milliseconds: readonly number[]) => Object.values(shares).map(quantiles(milliseconds))
  return {
    perSecond: (associations.length / elapsed) * 1000,
    ac: byShare(associations.map(({ associate }) => associate)),
    rsp: byShare(associations.map(({ associate, first }) => associate + first)),
    cpu: each(cpuOf.HAProxy ?? cpuOf.nginx),
    agentsCpu: each(cpuOf.agents),
    elsewhere,
  }
}

function row(name: WayName, rounds: Rounds<WayName, SetUp>): Row {
  const byShare = (of: (setUp: SetUp) => number[]) =>
    Object.keys(shares).map((_, index) => figure(rounds, name, setUp => of(setUp)[index] ?? Number.NaN, 2))
  const cells = [
    figure(rounds, name, ({ perSecond }) => perSecond, 0),
    ...byShare(({ ac }) => ac),
    ...byShare(({ rsp }) => rsp),
    figure(rounds, name, ({ cpu }) => cpu, 0),
    figure(rounds, name, ({ agentsCpu }) => agentsCpu, 0),
    ratio(rounds, name, plain, ({ ac }) => median(ac)),
    ratio(rounds, name, plain, ({ rsp }) => median(rsp)),
  ]
  return { name, cells }
}

const median = ([p50 = Number.NaN]: number[]) => p50
