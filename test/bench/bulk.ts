// Many bytes: large objects, very large ones and many small ones.
import { elsewhereIn, figure, type Rounds, ratio } from './figures.ts'
import type { Measurement } from './measure.ts'
import type { Goal, Row, Section, Table } from './page.ts'
import { scaled } from './scale.ts'
import { withStarted } from './started.ts'
import { measureWays, startWays, type WayName, wayNames } from './ways.ts'

const KB = 1024
const MB = 1024 * KB

interface Bulk {
  associations: number
  /** in each association */
  instances: number
  size: number
}

const bulks: Readonly<Record<string, Bulk>> = {
  '500 × 512 KB': { associations: 1, instances: 500, size: 512 * KB },
  '16 × 31 × 512 KB': { associations: 16, instances: 31, size: 512 * KB },
  '20 × 64 MB': { associations: 1, instances: 20, size: 64 * MB },
  '10,000 × 20 KB': { associations: 1, instances: 10_000, size: 20 * KB },
}

const how = `
Instances of one study in one association, or in 16 at a time, in PDUs of 16 KB. Each instance waits for the C-STORE-RSP of the
one before. Measured from the first connection to the last A-RELEASE-RP; CPU is that of HAProxy with its agents, or of nginx.

On the direct path, HAProxy carries bytes as plain TCP. On the delayed one, the guard sees to it that no later instance lands in a pool
that is not its own. It is a filter in Lua, through which HAProxy cannot splice: one that lets everything pass (test/bench/pass-all.lua)
is its limit. Without the guard, a delayed association is carried as a direct one once the PACS has accepted.`

const columns = ['MB/s', 'instances/s', 'to plain TCP', 'CPU, ms/MB']

/** An agent that is asked at the start costs nothing later. */
const names = wayNames.filter(name => !/asking|binding/.test(name))

export function bulk(): Promise<Section> {
  return withStarted(async start => {
    const ways = await startWays(start)
    const tables: Table[] = []
    const goals: Goal[] = []
    const elsewhere: number[] = []
    for (const [title, { associations, instances, size }] of Object.entries(bulks)) {
      const shape = { instances: scaled(instances, 2), studies: 1, size, pduLength: 16 * KB }
      const load = { ...shape, associations, parallel: associations }
      const rounds = await measureWays(ways, names, title, load, measurement => measurement)
      const rows = names.map(name => row(name, rounds, associations * shape.instances, size))
      tables.push({ caption: title, columns, rows })
      for (const name of ['ours, direct', 'ours, delayed'] as const)
        goals.push({
          goal: `${title}, ${name}: throughput to plain HAProxy TCP`,
          must: 'at least',
          be: 0.97,
          figure: throughputToPlain(rounds, name),
          ...(name === 'ours, delayed' && {
            limit: throughputToPlain(rounds, 'HAProxy, with a filter in Lua'),
          }),
        })
      elsewhere.push(...elsewhereIn(rounds))
    }
    return { title: 'Bulk and small objects', how, tables, goals, elsewhere }
  })
}

function row(name: WayName, rounds: Rounds<WayName, Measurement>, instances: number, size: number): Row {
  const megabytes = (instances * size) / 1e6
  const cells = [
    figure(rounds, name, ({ elapsed }) => (megabytes / elapsed) * 1000, 0),
    figure(rounds, name, ({ elapsed }) => (instances / elapsed) * 1000, 0),
    throughputToPlain(rounds, name),
    figure(rounds, name, measurement => between(measurement) / megabytes, 2),
  ]
  return { name, cells }
}

const throughputToPlain = (rounds: Rounds<WayName, Measurement>, name: WayName) =>
  ratio(rounds, name, 'HAProxy, plain TCP', ({ elapsed }) => 1 / elapsed)

/** Milliseconds of CPU of all that stands between the load and the sink. */
function between({ cpuOf: { load: _load, sink: _sink, ...others } }: Measurement): number {
  return Object.values(others).reduce((sum, ms) => sum + ms, 0)
}
