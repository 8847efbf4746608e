import { type Document, isMap, isNode, isSeq, type Node } from 'yaml'

/** What stands for an item of a list that was left out, so that those behind it keep their places. */
const placeholder = '\u0001'

/** A pool, rule, test or setting, as offsets in the text of a file. */
interface Part {
  begin: number
  end: number
  inList: boolean
}

/**
 * The part of a rule file in which something at `offset` is no YAML: the last that the parser had begun by then, up to the
 * next line that is indented no further. Undefined where lines do not tell parts from each other, as within braces.
 */
export function partAt(document: Document.Parsed, text: string, offset: number): Part | undefined {
  const { contents } = document
  if (!isMap(contents) || contents.flow) return undefined
  const pair = contents.items.findLast(({ key }) => beginOf(key) <= offset)
  if (!pair) return undefined
  const { key, value } = pair
  if (isSeq(value) && !value.flow) {
    const item = value.items.findLast(item => beginOf(item) <= offset)
    if (item) return upToNext(text, beginOf(item), true)
  }
  if (isMap(value) && !value.flow && String(key) === 'pools' && value.items.length > 1) {
    const pool = value.items.findLast(({ key }) => beginOf(key) <= offset)
    if (pool) return upToNext(text, beginOf(pool.key), false)
  }
  return upToNext(text, beginOf(key), false)
}

function beginOf(node: unknown): number {
  return (isNode(node) && (node as Node).range?.[0]) || 0
}

function upToNext(text: string, begin: number, inList: boolean): Part {
  const line = text.lastIndexOf('\n', begin - 1) + 1
  const indent = text.slice(line).search(/[^ ]/)
  const next = new RegExp(`\\n(?= {0,${indent}}[^\\s#:\\]}])`, 'g')
  next.lastIndex = begin
  const end = next.exec(text)?.index ?? text.length
  return { begin: inList ? begin : line + indent, end, inList }
}

/** The text without a part; the offsets of all others stay the same. */
export function leaveOut(text: string, { begin, end, inList }: Part): string {
  const blank = text.slice(begin, end).replace(/[^\n]/g, ' ')
  return text.slice(0, begin) + (inList ? placeholder + blank.slice(1) : blank) + text.slice(end)
}

/** What YAML has made of such a text: items that were left out are undefined. */
export function withoutPlaceholders(data: unknown): unknown {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return data
  const items = (value: unknown) =>
    Array.isArray(value) ? value.map(item => (item === placeholder ? undefined : item)) : value
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, items(value)]))
}
