type Rows = readonly (readonly string[])[]

/** Rows in columns: the first is aligned left, the others right. */
export function table(rows: Rows): string {
  return aligned(rows)
    .map(cells => cells.join('   ').trimEnd())
    .join('\n')
}

/** The same in Markdown. */
export function markdownTable(heads: readonly string[], rows: Rows): string {
  const [first = [], ...rest] = aligned([heads, ...rows])
  const rule = first.map(({ length }, column) =>
    column === 0 ? '-'.repeat(length) : `${'-'.repeat(length - 1)}:`,
  )
  return [first, rule, ...rest].map(cells => `| ${cells.join(' | ')} |`).join('\n')
}

function aligned(rows: Rows): string[][] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  return rows.map(row =>
    widths.map((width, column) => {
      const cell = row[column] ?? ''
      return column === 0 ? cell.padEnd(width) : cell.padStart(width)
    }),
  )
}
