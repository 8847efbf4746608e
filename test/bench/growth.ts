// What the balancer costs as rules, presentation contexts, heads of datasets and idle associations become more.
import { startBalancer } from '../support/balancer.ts'
import { associateRq } from '../support/messages.ts'
import { holdOpen } from './association.ts'
import { elsewhereIn, figure } from './figures.ts'
import { prepareInstances } from './instances.ts'
import type { Load } from './load.ts'
import { type Measurement, measure } from './measure.ts'
import { memoryOf } from './memory.ts'
import type { Section, Table } from './page.ts'
import { startLoader, startSink } from './processes.ts'
import { quantiles } from './rounds.ts'
import { inRounds, scaled } from './scale.ts'
import { withStarted } from './started.ts'
import { noLimits } from './ways.ts'

const how = `
Delayed associations, 8 at a time, of one instance each, through HAProxy and one agent. RSP is milliseconds from the A-ASSOCIATE-RQ
to the C-STORE-RSP; CPU is for each association. The last rule decides, on BodyPartExamined; before it stand rules on Modality and
StudyDescription that do not match. How much agents do beside each other is in the section on haproxy-spoe.`

const deciding = { name: 'last', when: { BodyPartExamined: 'HEAD' }, route: 'ct' }

/** So many, of which the last decides. */
function rulesOf(count: number): string {
  const others = Array.from({ length: count - 1 }, (_, place) => ({
    name: `${place}`,
    when: { Modality: 'CT', StudyDescription: { contains: `protocol ${place}.` } },
    route: 'ct',
  }))
  return JSON.stringify(
    { pools: { ct: { maxPduLength: 131072 } }, rules: [...others, deciding] },
    undefined,
    1,
  )
}

interface Case {
  rules?: number
  load?: Partial<Load>
}

const shape = { parallel: 8, instances: 1, studies: 1, size: 128 * 1024, pduLength: 16_384, headLength: 512 }

const growing: Readonly<Record<string, Readonly<Record<string, Case>>>> = {
  Rules: { 10: { rules: 10 }, 100: { rules: 100 }, '1,000': { rules: 1_000 }, '10,000': { rules: 10_000 } },
  'Presentation contexts proposed': {
    1: { load: { contexts: 1 } },
    16: { load: { contexts: 16 } },
    64: { load: { contexts: 64 } },
    128: { load: { contexts: 128 } },
  },
  'Bytes of the dataset before the tag that decides': {
    '1 KB': { load: { headLength: 1_024 } },
    '4 KB': { load: { headLength: 4 * 1_024 } },
    '16 KB': { load: { headLength: 16 * 1_024 } },
    '60 KB': { load: { headLength: 60 * 1_024 } },
  },
}

const columns = ['per second', 'RSP p50', 'RSP p99', 'agent CPU, µs', 'HAProxy CPU, µs', 'agent, MB']

export async function growth(): Promise<Section> {
  const tables: Table[] = []
  const elsewhere: number[] = []
  for (const [title, cases] of Object.entries(growing)) {
    const measured = await grow(title, cases)
    tables.push(measured.table)
    elsewhere.push(...measured.elsewhere)
  }
  return { title: 'Cost as work grows', how, tables, goals: [], elsewhere }
}

/** Each case has an HAProxy and an agent of its own. */
function grow(title: string, cases: Readonly<Record<string, Case>>) {
  return withStarted(async start => {
    const loader = await start(startLoader())
    const sink = await start(startSink())
    const variants: Record<string, () => Promise<Measurement & { megabytes: number }>> = {}
    for (const [name, { rules = 1, load }] of Object.entries(cases)) {
      const { port, haproxy, agents } = await start(startOne(rules, sink.port))
      const pids = agents.map(({ pid }) => pid)
      const watched = { sink: [sink.pid], HAProxy: [haproxy.pid], agent: pids }
      variants[name] = async () => {
        const sent = { ...shape, ...load, port, associations: scaled(1_000, 50) }
        const measured = await measure(loader, sent, watched)
        return { ...measured, megabytes: megabytesOf(pids) }
      }
    }
    const rounds = await inRounds(title, variants)
    const rows = Object.keys(cases).map(name => ({
      name,
      cells: [
        figure(rounds, name, ({ associations, elapsed }) => (associations.length / elapsed) * 1000, 0),
        figure(rounds, name, measured => answered(measured, 0.5), 2),
        figure(rounds, name, measured => answered(measured, 0.99), 2),
        figure(rounds, name, measured => cpuEach(measured, 'agent'), 0),
        figure(rounds, name, measured => cpuEach(measured, 'HAProxy'), 0),
        figure(rounds, name, ({ megabytes }) => megabytes, 0),
      ],
    }))
    return { table: { caption: title, columns, rows }, elsewhere: elsewhereIn(rounds) }
  })
}

function startOne(rules: number, pacsPort: number) {
  return startBalancer({
    rules: rulesOf(rules),
    pools: { ct: [{ name: 'CT', port: pacsPort, maxconn: 10_000 }] },
    agents: 1,
    env: noLimits,
  })
}

const megabytesOf = (pids: readonly number[]) => pids.reduce((sum, pid) => sum + memoryOf(pid), 0) / 1024

const answered = ({ associations }: Measurement, share: number) =>
  quantiles(associations.map(({ associate, first }) => associate + first))(share)

/** Microseconds for each association. */
const cpuEach = ({ cpuOf, associations }: Measurement, name: string) =>
  ((cpuOf[name] ?? Number.NaN) / associations.length) * 1000

/** What is in memory while so many delayed associations are open and nothing comes, and when others have come and gone. */
export function idle(): Promise<Section> {
  return withStarted(async start => {
    const loader = await start(startLoader())
    const sink = await start(startSink())
    const small = { ...shape, size: 4_096 }
    const [instance = []] = prepareInstances(small)
    const others = scaled(10_000, 50)
    const rows = []
    for (const count of [0, 1_000, 5_000].map(count => scaled(count, 0))) {
      const { port, haproxy, agents } = await start(startOne(1, sink.port))
      const memory = () => [[haproxy.pid], agents.map(({ pid }) => pid)].map(megabytesOf)
      const open = []
      while (open.length < count)
        open.push(await holdOpen(port, associateRq({ callingAE: 'BENCH' }), instance))
      const before = memory()
      await loader.run({ ...small, associations: others, port })
      const cells = [...before, ...memory()].map(number => ({ numbers: [number], digits: 0 }))
      rows.push({ name: count.toLocaleString('en'), cells })
      for (const association of open) association.close()
    }
    const columns = ['HAProxy, MB', 'agent, MB', 'HAProxy, then', 'agent, then']
    const table = { caption: 'Open associations', columns, rows }
    const how = `
Delayed associations, of which each has sent one instance of 4 KB and stays open. Megabytes that are the process's own; "then" is when
${others.toLocaleString('en')} others have come and gone meanwhile, 8 at a time.`
    return { title: 'Idle associations', how, tables: [table], goals: [] }
  })
}
