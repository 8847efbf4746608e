import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseTagPath, readDatasetHead, transferSyntaxes } from '../../agent/dicom/index.ts'
import {
  element,
  explicitLittleEndian,
  implicit,
  implicitLittleEndian,
  item,
  undefinedItem,
  undefinedSequence,
} from './build.ts'

/** A dataset as a tree: what the bytes are made of, and what the expected lookups are read from. */
interface Node {
  tag: number
  /** Of an element that is not a sequence. */
  value?: string
  items?: Node[][]
  delimited?: boolean
}

const texts = [0x00080060, 0x00080070, 0x00100010, 0x00100020, 0x00181030, 0x00401001]
const sequences = [0x00081032, 0x00400275]
const steps = [...texts, ...sequences].map(tag => {
  const hex = tag.toString(16).padStart(8, '0')
  return { tag, text: `(${hex.slice(0, 4)},${hex.slice(4)})` }
})

const { dataset } = fc.letrec<{ dataset: Node[]; node: Node; text: Node; sequence: Node }>(tie => ({
  dataset: fc
    .tuple(fc.array(tie('node'), { maxLength: 5 }), fc.boolean())
    .map(([nodes, ordered]) => (ordered ? nodes.toSorted((a, b) => a.tag - b.tag) : nodes)),
  node: fc.oneof({ maxDepth: 3 }, tie('text'), tie('sequence')),
  text: fc.record({
    tag: fc.constantFrom(...texts),
    value: fc.array(fc.constantFrom('A', 'BC', ''), { maxLength: 3 }).map(values => values.join('\\')),
  }),
  sequence: fc.record({
    tag: fc.constantFrom(...sequences),
    items: fc.array(tie('dataset'), { maxLength: 3 }),
    delimited: fc.boolean(),
  }),
}))

function encodeExplicit(nodes: readonly Node[]): Buffer {
  return Buffer.concat(
    nodes.map(({ tag, value, items = [], delimited = false }) => {
      if (value !== undefined) return element(tag, 'LO', value)
      if (delimited)
        return undefinedSequence(tag, 'SQ', ...items.map(each => undefinedItem(encodeExplicit(each))))
      return element(tag, 'SQ', Buffer.concat(items.map(each => item(encodeExplicit(each)))))
    }),
  )
}

function encodeImplicit(nodes: readonly Node[]): Buffer {
  return Buffer.concat(
    nodes.map(({ tag, value, items = [], delimited = false }) => {
      if (value !== undefined) return implicit(tag, value.length % 2 === 0 ? value : `${value} `)
      if (!delimited) return implicit(tag, Buffer.concat(items.map(each => item(encodeImplicit(each)))))
      const content = items.map(each => undefinedItem(encodeImplicit(each)))
      return Buffer.concat([implicit(tag, '', 0xffffffff), ...content, implicit(0xfffee0dd, '')])
    }),
  )
}

/** What the lookup must be by its definition, read from the tree. */
function expected(nodes: readonly Node[], [tag, ...rest]: readonly number[]): string[] | undefined {
  let highest = 0
  let ordered = true
  for (const node of nodes) {
    if (node.tag < highest) ordered = false
    highest = Math.max(highest, node.tag)
    if (node.tag === tag) {
      if (rest.length === 0) return node.items ? countOf(node.items) : valuesOf(node.value ?? '')
      const found = node.items?.map(each => expected(each, rest)).filter(values => values !== undefined) ?? []
      return found.length > 0 ? found.flat() : undefined
    }
    if (ordered && node.tag > (tag ?? 0)) return undefined
  }
  return undefined
}

const countOf = (items: readonly unknown[]) => (items.length > 0 ? [String(items.length)] : [])
const valuesOf = (value: string) => (value === '' ? [] : value.split('\\'))

const paths = fc.array(fc.array(fc.constantFrom(...steps), { minLength: 1, maxLength: 3 }), {
  minLength: 1,
  maxLength: 6,
})

describe('any dataset', () => {
  test('is looked up as defined, whole and cut at any byte', () => {
    const encodings = [
      [encodeExplicit, explicitLittleEndian],
      [encodeImplicit, implicitLittleEndian],
    ] as const
    fc.assert(
      fc.property(dataset, paths, (nodes, wanted) => {
        const parsed = wanted.map(each => parseTagPath(each.map(({ text }) => text).join('.')))
        const whole = wanted.map(each => {
          const values = expected(
            nodes,
            each.map(({ tag }) => tag),
          )
          return values ? { state: 'present', values } : { state: 'absent' }
        })
        for (const [encode, transferSyntax] of encodings) {
          const bytes = encode(nodes)
          assert.deepEqual(readDatasetHead(bytes, transferSyntax, parsed, true).lookups, whole)
          for (let length = 0; length <= bytes.length; length++) {
            const cut = readDatasetHead(bytes.subarray(0, length), transferSyntax, parsed, false).lookups
            cut.forEach((lookup, index) => {
              assert.deepEqual(lookup, lookup.state === 'unknown' ? { state: 'unknown' } : whole[index])
            })
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  test('even of random bytes, is read without an exception', () => {
    const parsed = [
      'Modality',
      'RequestAttributesSequence.ScheduledProcedureStepID',
      '(0011,xx01 MAKER)',
    ].map(parseTagPath)
    const bytes = fc.uint8Array({ maxLength: 300 }).map(array => Buffer.from(array))
    fc.assert(
      fc.property(
        bytes,
        fc.constantFrom(...Object.keys(transferSyntaxes)),
        fc.boolean(),
        (random, uid, complete) => {
          for (const prefix of [Buffer.alloc(0), Buffer.from('08000500435302004142', 'hex')]) {
            const { lookups } = readDatasetHead(Buffer.concat([prefix, random]), uid, parsed, complete)
            assert.equal(lookups.length, parsed.length)
          }
        },
      ),
      { numRuns: 2000 },
    )
  })
})
