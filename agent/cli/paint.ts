import { styleText } from 'node:util'

type Format = Parameters<typeof styleText>[0]

/** Coloured where standard output is a terminal that wants it: styleText heeds NO_COLOR and its like. */
export function paint(format: Format, text: string): string {
  return styleText(format, text, { stream: process.stdout })
}

/** Columns of texts, each as wide as its longest; `paintRow` colours a cell once it has its width. */
export function table(
  rows: readonly (readonly string[])[],
  paintCell: (cell: string, column: number, row: number) => string,
): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0))) ?? []
  return rows
    .map((row, index) => {
      const last = row.length - 1
      const cells = row.map((cell, column) =>
        paintCell(column === last ? cell : cell.padEnd(widths[column] ?? 0), column, index),
      )
      return `  ${cells.join('  ')}`
    })
    .join('\n')
}
