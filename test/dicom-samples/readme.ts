import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const samplesFolder = join(import.meta.dirname, '../../dicom-samples')

/** What the README tells its readers, a record per row of its table; '' for what the sample lacks. */
export function readmeRows(): Record<string, string>[] {
  const lines = readFileSync(join(samplesFolder, 'README.md'), 'utf8')
    .split('\n')
    .filter(line => line.startsWith('| '))
  const [head = [], , ...rows] = lines.map(line =>
    line
      .slice(2, -2)
      .split(' | ')
      .map(cell => cell.trim()),
  )
  return rows.map(cells =>
    Object.fromEntries(head.map((name, column) => [name, (cells[column] ?? '').replace(/^–$/, '')])),
  )
}
