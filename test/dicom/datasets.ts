import { join } from 'node:path'
import { datasetOf, dump2dcm, run } from './dcmtk.ts'
import { fixture } from './support.ts'

export interface Variant {
  name: string
  file: string
  dataset: Buffer
  transferSyntax: string
}

const transferSyntaxes: Record<string, string> = {
  'implicit VR little endian': '+ti',
  'explicit VR little endian': '+te',
  'explicit VR big endian': '+tb',
  'deflated explicit VR little endian': '+td',
}
const layouts: Record<string, string[]> = {
  'defined lengths': ['+e', '-g'],
  'undefined lengths': ['-e', '-g'],
  'undefined lengths, group lengths and padding': ['-e', '+g', '+p', '512', '64'],
}

/** everything.dump as DCMTK writes it in every uncompressed transfer syntax, in RLE, and with VR UN. */
export function everythingIn(folder: string): Variant[] {
  const source = dump2dcm(folder, 'everything', fixture('everything.dump').toString('latin1'))
  const variants: Variant[] = []
  for (const [syntax, option] of Object.entries(transferSyntaxes)) {
    for (const [layout, options] of Object.entries(layouts)) {
      const file = join(folder, `${variants.length}.dcm`)
      run('dcmconv', option, ...options, source, file)
      variants.push({ name: `${syntax}, ${layout}`, file, ...datasetOf(file) })
    }
  }
  const rle = join(folder, 'rle.dcm')
  run('dcmcrle', source, rle)
  variants.push({ name: 'RLE', file: rle, ...datasetOf(rle) })

  // Implicit VR does not say what private elements are, so they become UN on the way back.
  const unknown = join(folder, 'un.dcm')
  run('dcmconv', '+te', '-e', join(folder, '0.dcm'), unknown)
  variants.push({ name: 'explicit VR little endian with UN', file: unknown, ...datasetOf(unknown) })
  return variants
}

/** An element as dcmdump prints it. */
export interface Dumped {
  /** Tags from the dataset down: '(0040,0275).(0040,0009)'. */
  path: string
  vr: string
  /** In all items together, as `readDatasetHead` has them. */
  values: string[]
}

/** What dcmdump makes of a file, in UTF-8, by path. */
export function dumped(file: string): Map<string, Dumped> {
  const text = Buffer.from(run('dcmdump', '-q', '-Un', '+L', '+U8', file), 'latin1').toString('utf8')
  const found = new Map<string, Dumped>()
  const ancestors: string[] = []
  for (const line of text.slice(text.indexOf('# Dicom-Data-Set')).split('\n')) {
    const match = /^( *)\(([0-9a-f]{4},[0-9a-f]{4})\) (..) (.*?) +# +(?:[0-9]+|u\/l), *[0-9]+ /.exec(line)
    if (!match) continue
    const [, indent = '', tag = '', vr = '', shown = ''] = match
    // Datasets and items take turns in the indentation.
    const depth = indent.length / 4
    if (tag.startsWith('fffe')) {
      const sequence = found.get(ancestors.slice(0, (indent.length + 2) / 4).join('.'))
      if (tag === 'fffe,e000' && sequence) sequence.values = [String(Number(sequence.values[0] ?? 0) + 1)]
      continue
    }
    ancestors.splice(depth, Number.POSITIVE_INFINITY, `(${tag.toUpperCase()})`)
    const path = ancestors.join('.')
    const element = found.get(path) ?? { path, vr, values: [] }
    found.set(path, element)
    if (vr !== 'SQ' && vr !== 'pi') element.values.push(...valuesShown(vr, shown))
  }
  return found
}

const spacePadded = (text: string) => text.replace(/^[ \0]+|[ \0]+$/g, '')

function valuesShown(vr: string, shown: string): string[] {
  if (shown.startsWith('(no value')) return []
  const text = shown.startsWith('[') ? shown.slice(1, shown.lastIndexOf(']')) : shown
  if (['LT', 'ST', 'UT', 'UR'].includes(vr)) return [text.replace(/[ \0]+$/, '')]
  if (vr === 'OW') return text.split('\\').map(each => String(Number.parseInt(each, 16)))
  if (vr === 'AT') return text.split('\\').map(each => each.toUpperCase())
  return text.split('\\').map(spacePadded)
}
