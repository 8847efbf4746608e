import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { toDataset } from './datasets.ts'
import { writePart10 } from './part10.ts'
import { samples } from './samples.ts'
import { transferSyntaxes } from './transfer-syntaxes.ts'

const tableMark = /(<!-- samples: written by make\.ts -->\n).*(<!-- end of samples -->)/s

/** Writes every sample into the folder. */
export function makeSamples(folder: string): void {
  for (const sample of samples) writeFileSync(join(folder, sample.file), writePart10(toDataset(sample)))
}

/** The README with its table of samples made anew. */
export function updateReadme(readme: string): string {
  if (!tableMark.test(readme)) throw new Error('README.md has lost the comments around its table of samples')
  return readme.replace(tableMark, (_, start: string, end: string) => `${start}\n${table()}\n${end}`)
}

function table(): string {
  const head = [
    'File',
    'Modality',
    'Body part',
    'Institution',
    'Patient ID',
    'Character set',
    'Transfer syntax',
  ]
  const rows = samples.map(({ file, iod, bodyPart, study, transferSyntax }) => {
    const { name, uid } = transferSyntaxes[transferSyntax]
    const facts = [file, iod.modality, bodyPart, study.institution, study.patient.id, study.characterSet]
    return [...facts.map(fact => fact || '–'), `${name} ${uid}`]
  })
  const widths = head.map((_, column) =>
    Math.max(...[head, ...rows].map(cells => width(cells[column] ?? ''))),
  )
  const rule = widths.map(columns => '-'.repeat(columns))
  return [head, rule, ...rows].map(cells => `| ${aligned(cells, widths).join(' | ')} |\n`).join('')
}

function aligned(cells: string[], widths: number[]): string[] {
  return cells.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell)))
}

/** Columns on the screen: a Chinese character takes two. */
function width(cell: string): number {
  return cell.length + (cell.match(/\p{Script=Han}/gu)?.length ?? 0)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  makeSamples(import.meta.dirname)
  const readme = join(import.meta.dirname, 'README.md')
  writeFileSync(readme, updateReadme(readFileSync(readme, 'utf8')))
}
