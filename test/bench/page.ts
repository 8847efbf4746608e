// docs/benchmarks.md, from what docs/benchmarks.json holds.
import { spread } from './rounds.ts'
import { markdownTable } from './table.ts'

export interface Benchmarks {
  /** what the figures depend on, by what it is */
  machine: Readonly<Record<string, string>>
  /** see scale.ts */
  scale: number
  sections: readonly Section[]
  /** why sections are missing, by their titles */
  failures: Readonly<Record<string, string>>
}

/** What was measured together, between the same processes. */
export interface Section {
  title: string
  /** what was run, and how it is to be read */
  how: string
  tables: readonly Table[]
  goals: readonly Goal[]
  /** the share of the machine, 0 to 1, that processes had which have no part in it, where that is known; by round */
  elsewhere?: readonly number[]
}

export interface Table {
  caption: string
  columns: readonly string[]
  rows: readonly Row[]
}

export interface Row {
  name: string
  /** one for each column */
  cells: readonly Figure[]
}

export interface Figure {
  /** one of each round */
  numbers: readonly number[]
  digits: number
}

export interface Goal {
  goal: string
  must: 'at most' | 'at least'
  be: number
  figure: Figure
  /** the same of something that does only what cannot be left out */
  limit?: Figure
}

export function page({ machine, scale, sections, failures }: Benchmarks): string {
  const about = Object.entries(machine).map(([what, value]) => [what, value])
  const scaled = `Everything was scaled by ${scale}: this page only shows that the benchmarks work.\n`
  return [
    `# Benchmarks

\`make bench\` writes this page, and docs/benchmarks.json with the figure of every round.
${scale === 1 ? '' : `\n${scaled}`}
${markdownTable(['', ''], about)}

Everything runs on one machine: load, balancer and PACS share its cores, so what one of them needs, the others lack. Figures
compare within a section, not with those of other machines. Within it, all that is compared was measured in turn in each of
several rounds, every other round in the opposite order. A table gets 40 s, and as many rounds as begin in them: 3 at least, 12 at
most. A figure is the median of the rounds, and behind ± stands half the width of their middle half. A ratio is taken in each round
by itself.

Load and sink are a process with one thread each; two cores have no room for more. The tests check them against DCMTK's storescp and
storescu. Nobody waits for Nagle (TCP_NODELAY). "Straight to the sink" is what load and sink do with nothing between them.

## Goals

The limit is the same figure of what does nothing that can be left out: an HAProxy that asks an agent of one file, by SPOE; one that
binds late; one with a filter in Lua, which lets everything pass; or, for haproxy-spoe, that agent, writing in batches.
`,
    markdownTable(
      ['goal', 'must be', 'is', '95 % sure', 'met', 'limit'],
      sections.flatMap(({ goals }) => goals.map(goalRow)),
    ),
    ...Object.entries(failures).map(([title, why]) => `\nNot measured: ${title}: ${why}`),
    ...sections.map(sectionText),
    '',
  ].join('\n')
}

function goalRow({ goal, must, be, figure: { numbers, digits }, limit }: Goal): string[] {
  const { median, confidence } = spread(numbers)
  const interval = confidence.map(number => number.toFixed(digits)).join(' … ')
  const met = must === 'at most' ? median <= be : median >= be
  const atBest = limit ? figureText(limit) : ''
  return [goal, `${must} ${be}`, median.toFixed(digits), interval, met ? 'yes' : '**no**', atBest]
}

function sectionText({ title, how, tables, elsewhere = [] }: Section): string {
  const others = `Processes that have no part in it had ${(spread(elsewhere).median * 100).toFixed(0)} % of the machine meanwhile.\n`
  return `
## ${title}

${how.trim()}
${elsewhere.length > 0 ? others : ''}${tables.map(tableText).join('\n')}`
}

function tableText({ caption, columns, rows }: Table): string {
  const cells = rows.map(row => [row.name, ...row.cells.map(figureText)])
  const rounds = rows[0]?.cells[0]?.numbers.length ?? 0
  return `\n${caption}${rounds > 1 ? `, ${rounds} rounds` : ''}:\n\n${markdownTable(['', ...columns], cells)}`
}

export function figureText({ numbers, digits }: Figure): string {
  const { median, quartiles } = spread(numbers)
  if (Number.isNaN(median)) return '-'
  const half = ((quartiles[1] - quartiles[0]) / 2).toFixed(digits)
  return numbers.length > 1 ? `${median.toFixed(digits)} ±${half}` : median.toFixed(digits)
}
