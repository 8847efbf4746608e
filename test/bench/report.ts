import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { circumstances } from './circumstances.ts'
import type { Measurement } from './measure.ts'
import { spread } from './rounds.ts'
import { table } from './table.ts'

const folder = fileURLToPath(new URL('../../run/bench', import.meta.url))

/** A figure, of which every round has one. */
export interface Line {
  label: string
  numbers: readonly number[]
  digits: number
  /** what the median must be */
  mustBe?: string
}

/** What was measured together. */
export interface Part {
  title: string
  /** by round; empty where nothing but the figures was watched */
  measured: readonly Readonly<Record<string, Measurement>>[]
  lines: readonly Line[]
}

/** Shows on the terminal how far a part has come. */
export function progress(title: string, rounds: number): (done: number) => void {
  const { stderr } = process
  return done => {
    if (stderr.isTTY) stderr.write(`\r${title}: round ${done} of ${rounds}${done === rounds ? '\n' : ''}`)
    else stderr.write(`${title}: round ${done} of ${rounds}\n`)
  }
}

/** Prints the tables, and writes them with every single measurement to a file under run/. */
export function report(name: string, parts: readonly Part[]): void {
  const machine = circumstances()
  const figures = parts.flatMap(({ lines }) => lines).map(line => ({ ...line, ...spread(line.numbers) }))
  const cpu = parts.flatMap(microseconds)
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${name}-${machine.date?.replace(/[:.]/g, '-')}.json`)
  writeFileSync(file, JSON.stringify({ machine, figures, cpu, parts }, null, 1))

  const heads = ['', 'median', 'of which 95 % sure', 'middle half', 'least to most', 'must be']
  const rows = figures.map(({ label, digits, median, confidence, quartiles, range, mustBe = '' }) => {
    const text = (numbers: readonly number[]) => numbers.map(number => number.toFixed(digits)).join(' … ')
    return [label, text([median]), text(confidence), text(quartiles), text(range), mustBe]
  })
  const columns = Object.keys(cpu[0] ?? {})
  const cpuRows = cpu.map(row => columns.map(column => String(row[column] ?? '')))
  const eachStore = `
µs for each C-STORE: of the clock, and of the CPU; and what others used of the machine meanwhile
${table([columns, ...cpuRows])}
`
  console.log(`
${Object.entries(machine)
  .map(([what, value]) => `${what} ${value}`)
  .join('\n')}

${table([heads, ...rows])}
${cpu.length > 0 ? eachStore : ''}
${file}`)
}

/** Means over all rounds, by process. */
function microseconds({ title, measured }: Part): Record<string, string>[] {
  const mean = (numbers: readonly number[]) =>
    numbers.reduce((sum, number) => sum + number, 0) / numbers.length
  return Object.keys(measured[0] ?? {}).map(variant => {
    const all = measured.flatMap(round => round[variant] ?? [])
    const each = (figure: (measurement: Measurement) => number) =>
      ((mean(all.map(figure)) / (all[0]?.instances ?? 0)) * 1000).toFixed(0)
    const cpu = (name: string) =>
      name in (all[0]?.cpuOf ?? {}) ? each(({ cpuOf }) => cpuOf[name] ?? 0) : '-'
    return {
      '': `${title}, ${variant}`,
      clock: each(({ elapsed }) => elapsed),
      HAProxy: cpu('HAProxy'),
      agents: cpu('agents'),
      load: cpu('load'),
      sink: cpu('sink'),
      others: `${(mean(all.map(({ elsewhere }) => elsewhere)) * 100).toFixed(0)} %`,
    }
  })
}
