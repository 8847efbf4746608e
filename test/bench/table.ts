/** Rows in columns: the first is aligned left, the others right. */
export function table(rows: readonly (readonly string[])[]): string {
  const width = (column: number) => Math.max(...rows.map(row => row[column]?.length ?? 0))
  const widths = (rows[0] ?? []).map((_, column) => width(column))
  return rows
    .map(row => widths.map((width, column) => aligned(row[column] ?? '', column, width)).join('   '))
    .map(line => line.trimEnd())
    .join('\n')
}

function aligned(cell: string, column: number, width: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width)
}
