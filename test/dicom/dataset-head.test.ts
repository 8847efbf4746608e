import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { type Lookup, parseTagPath, readDatasetHead, type TagPath } from '../../agent/dicom/index.ts'
import { type Dumped, dumped, everythingIn, type Variant } from './datasets.ts'
import { workspace } from './dcmtk.ts'

const variants = everythingIn(workspace())
const numeric = new Set(['US', 'SS', 'UL', 'SL', 'FL', 'FD', 'OF', 'DS', 'IS'])

function look(
  variant: Variant,
  paths: readonly TagPath[],
  bytes = variant.dataset,
  complete = true,
): Lookup[] {
  return readDatasetHead(bytes, variant.transferSyntax, paths, complete).lookups
}

/** Text as it is; numbers as numbers, since programs print them differently. */
function comparable(values: readonly unknown[], vr: string): unknown[] {
  if (numeric.has(vr)) return values.map(value => Math.fround(Number(value)))
  return values.map(String)
}

/**
 * Not compared: padding, encapsulated pixel data, what has no VR for dcmdump ('??' in implicit VR),
 * and the character set, as both programs convert to UTF-8.
 */
function compared({ path, vr }: Pick<Dumped, 'path' | 'vr'>): boolean {
  return path !== '(0008,0005)' && !/FFFC,|7FE0,/.test(path) && vr !== 'UN' && vr !== '??'
}

describe('the values of a dataset are those that dcmdump prints', () => {
  for (const variant of variants) {
    test(variant.name, () => {
      const elements = [...dumped(variant.file).values()].filter(compared)
      assert.ok(elements.length > 55, `${elements.length} elements`)
      const paths = elements.map(({ path }) => parseTagPath(path))
      const lookups = look(variant, paths)
      elements.forEach(({ path, vr, values }, index) => {
        const lookup = lookups[index]
        assert.equal(lookup?.state, 'present', path)
        assert.deepEqual(comparable(lookup.values, vr), comparable(values, vr), `${path} ${vr}`)
      })
    })
  }
})

// biome-ignore lint/suspicious/noExplicitAny: dcmjs has no types
const dcmjs: any = await import('dcmjs' as string)

interface DcmjsElement {
  vr: string
  // biome-ignore lint/suspicious/noExplicitAny: as above
  Value?: any[]
}

/** All elements below, by path, with the values of all items together. */
function collectDcmjs(
  dataset: Record<string, DcmjsElement>,
  parents: string,
  into: Map<string, { vr: string; values: unknown[] }>,
): void {
  for (const [tag, { vr, Value = [] }] of Object.entries(dataset)) {
    const path = `${parents}(${tag.slice(0, 4)},${tag.slice(4)})`
    const element = into.get(path) ?? { vr, values: [] }
    into.set(path, element)
    if (vr === 'SQ') for (const item of Value) collectDcmjs(item, `${path}.`, into)
    else if (vr === 'PN') element.values.push(...Value.map(name => name.Alphabetic))
    else element.values.push(...Value)
  }
}

describe('the values of a dataset are those that dcmjs reads', () => {
  const text = new Set('AE AS CS DA DT LO PN SH TM UI UC LT ST UT'.split(' '))
  for (const variant of variants) {
    test(variant.name, () => {
      const elements = new Map<string, { vr: string; values: unknown[] }>()
      const file = readFileSync(variant.file)
      const { dict } = dcmjs.data.DicomMessage.readFile(new Uint8Array(file).buffer)
      collectDcmjs(dict, '', elements)
      let count = 0
      for (const [path, { vr, values }] of elements) {
        if (!compared({ path, vr })) continue
        // dcmjs takes all that is US or SS for US.
        if (path.startsWith('(0028,010') && variant.name.startsWith('implicit')) continue
        if ((!text.has(vr) && !numeric.has(vr)) || vr === 'OF') continue
        const [lookup] = look(variant, [parseTagPath(path)])
        assert.equal(lookup?.state, 'present', path)
        const expected = values.filter(value => value !== '' && value !== null)
        if (expected.length === 0) assert.deepEqual(lookup.values, [], path)
        else assert.deepEqual(trimmed(comparable(lookup.values, vr)), trimmed(comparable(expected, vr)), path)
        count++
      }
      assert.ok(count >= 43, `${count} elements`)
    })
  }

  function trimmed(values: unknown[]): unknown[] {
    return values.map(value => (typeof value === 'string' ? value.trim() : value))
  }
})

const privatePaths = [
  '(0009,xx01 FIRST MAKER)',
  '(0009,xx01 SECOND MAKER 1.0)',
  '(0009,xx77 SECOND MAKER 1.0)',
  '(0009,xx01 NOBODY)',
  '(0011,xx01 FIRST MAKER)',
  '(FFFB,xx01 NOBODY)',
  'ContentSequence.ContentSequence.ContentSequence.(0009,xx01 SECOND MAKER 1.0)',
  'ContentSequence.ContentSequence.ContentSequence.(0009,xx01 FIRST MAKER)',
]
const absentPaths = [
  '(0008,0001)',
  'ReferringPhysicianName',
  'PatientSex',
  'BodyPartThickness',
  'ProcedureCodeSequence.CodeMeaning',
  'ReferencedPerformedProcedureStepSequence.ReferencedSOPInstanceUID',
  'ContentSequence.ContentSequence.Modality',
  'PatientID.PatientName',
  'PerformedProtocolCodeSequence.CodeValue',
  '(6000,3000)',
]

describe('an incomplete dataset', () => {
  for (const variant of variants) {
    test(`never has another value or absence than the whole: ${variant.name}`, () => {
      const { dataset } = variant
      const present = [...dumped(variant.file).keys()]
      const paths = [...present, ...privatePaths, ...absentPaths].map(parseTagPath)
      const whole = look(variant, paths)
      assert.equal(whole.filter(({ state }) => state === 'unknown').length, 0)
      let known = 0
      for (let length = 0; length <= dataset.length; length++) {
        const cut = look(variant, paths, dataset.subarray(0, length), false)
        let knownNow = 0
        cut.forEach((lookup, index) => {
          if (lookup.state === 'unknown') {
            assert.equal(
              lookup.malformed,
              undefined,
              `${paths[index]?.text} at ${length}: ${lookup.malformed}`,
            )
          } else {
            assert.deepEqual(lookup, whole[index], `${paths[index]?.text} at ${length} of ${dataset.length}`)
            knownNow++
          }
        })
        assert.ok(knownNow >= known, `what was known stays known at ${length}`)
        known = knownNow
      }
      assert.ok(known > present.length - 3, `${known} of ${paths.length} are known without the end`)
    })

    test(`needs no more bytes than it says: ${variant.name}`, () => {
      for (const text of ['SOPClassUID', 'Modality', 'PatientID', ...privatePaths, ...absentPaths]) {
        const paths = [parseTagPath(text)]
        const { dataset, transferSyntax } = variant
        const { lookups, needed } = readDatasetHead(dataset, transferSyntax, paths, true)
        if (needed === dataset.length) continue
        assert.deepEqual(look(variant, paths, dataset.subarray(0, needed), false), lookups, text)
      }
      const { needed } = readDatasetHead(
        variant.dataset,
        variant.transferSyntax,
        [parseTagPath('Modality')],
        true,
      )
      assert.ok(needed <= 512, `${needed} bytes for the Modality`)
    })

    test(`is looked up alike one path at a time: ${variant.name}`, () => {
      const texts = [
        'Modality',
        'RequestAttributesSequence.ScheduledProcedureStepID',
        ...privatePaths,
        ...absentPaths,
      ]
      const paths = texts.map(parseTagPath)
      for (let length = 0; length <= variant.dataset.length; length += 37) {
        const bytes = variant.dataset.subarray(0, length)
        const together = look(variant, paths, bytes, false)
        paths.forEach((path, index) => {
          assert.deepEqual(
            look(variant, [path], bytes, false),
            [together[index]],
            `${path.text} at ${length}`,
          )
        })
      }
    })

    test(`changed in any byte is read without an exception: ${variant.name}`, () => {
      const paths = [
        'Modality',
        'PatientID',
        'ContentSequence.ContentSequence.TextValue',
        '(0009,xx01 NOBODY)',
      ].map(parseTagPath)
      for (let at = 0; at < variant.dataset.length; at++) {
        for (const flip of [1, 0x80, 0xff]) {
          const mutated = Buffer.from(variant.dataset)
          mutated[at] = (mutated[at] ?? 0) ^ flip
          for (const lookup of look(variant, paths, mutated, at % 2 === 0)) {
            assert.ok(['present', 'absent', 'unknown'].includes(lookup.state))
          }
        }
      }
    })
  }

  test('private elements are found by their creator, wherever its block is', () => {
    for (const variant of variants) {
      assert.deepEqual(
        look(variant, privatePaths.map(parseTagPath)).map(lookup =>
          lookup.state === 'present' ? lookup.values : lookup.state,
        ),
        [['first'], ['second'], 'absent', 'absent', 'absent', 'absent', ['deep'], 'absent'],
        variant.name,
      )
    }
  })
})
