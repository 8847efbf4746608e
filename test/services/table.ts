import { readFileSync } from 'node:fs'

/** The services and peers of docs/conformance.md. Its cells are the tests here: what stands there is run. */
export interface Cell {
  service: string
  client: string
  /** the PACS that the client was tried with, by its name */
  pacs: readonly string[]
  /** where there is none, the number of the reason */
  reason?: string
}

export const page = readFileSync(new URL('../../docs/conformance.md', import.meta.url), 'utf8')

/** The table below the heading, row by row, its own header first. */
export function tableOf(heading: string): string[][] {
  const [, section = ''] = page.split(`\n### ${heading}\n`)
  const [, table = ''] = section.match(/\n((?:\|.*\n)+)/) ?? []
  const rows = table.split('\n').filter(line => line !== '' && !/^\|[-:| ]+\|$/.test(line))
  return rows.map(line =>
    line
      .split('|')
      .slice(1, -1)
      .map(text => text.trim()),
  )
}

const [[, ...clients] = [], ...rows] = tableOf('Services and clients')

export const cells: readonly Cell[] = rows.flatMap(([service = '', ...row]) =>
  row.map((text, index): Cell => {
    const [, reason] = text.match(/^no \((\d+)\)$/) ?? []
    const cell = { service, client: clients[index] ?? '' }
    return reason === undefined ? { ...cell, pacs: text.split(', ') } : { ...cell, pacs: [], reason }
  }),
)
