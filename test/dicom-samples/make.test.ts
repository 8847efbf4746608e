import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { makeSamples, updateReadme } from '../../dicom-samples/make.ts'
import { draw, type Picture } from '../../dicom-samples/phantoms.ts'
import { type Sample, samples } from '../../dicom-samples/samples.ts'
import { transferSyntaxes } from '../../dicom-samples/transfer-syntaxes.ts'
import { blockDifference, lossyLimit } from './block-difference.ts'
import { decoded } from './dcmtk.ts'
import { samplesFolder } from './readme.ts'

const makeAgain = 'stale: run `node dicom-samples/make.ts`'

/** Another release of DCMTK or zlib may encode these into other bytes of the same meaning. */
function finishedByAnotherEncoder({ transferSyntax, definedLengths }: Sample): boolean {
  return (
    'encoder' in transferSyntaxes[transferSyntax] || transferSyntax === 'deflated' || definedLengths === true
  )
}

describe('make.ts', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dicom-samples-test-'))
  const [first, second] = [join(folder, 'first'), join(folder, 'second')]
  before(() => {
    for (const run of [first, second]) {
      mkdirSync(run)
      makeSamples(run)
    }
  })
  after(() => rmSync(folder, { recursive: true }))

  it('writes the same bytes on each run', () => {
    assert.equal(readdirSync(first).length, samples.length)
    for (const { file } of samples) assert.ok(sameBytes(join(first, file), join(second, file)), file)
  })

  for (const sample of samples) {
    it(`writes the committed ${sample.file}`, () => {
      const [made, committed] = [join(first, sample.file), join(samplesFolder, sample.file)]
      if (!finishedByAnotherEncoder(sample)) {
        assert.ok(sameBytes(made, committed), makeAgain)
        return
      }
      assert.ok(metaInformation(made).equals(metaInformation(committed)), makeAgain)
      const [a, b] = [decoded(made), decoded(committed)]
      const picture = lossyPicture(sample)
      const pixelsAt = picture ? a.length - draw(picture, 'little').length : a.length // it is the last element
      assert.ok(a.subarray(0, pixelsAt).equals(b.subarray(0, pixelsAt)), makeAgain)
      if (picture === undefined) return
      const difference = blockDifference(picture, a.subarray(pixelsAt), b.subarray(pixelsAt))
      assert.ok(difference < lossyLimit, makeAgain)
    })
  }
})

it("the README's table is the one that make.ts writes", () => {
  const readme = readFileSync(join(samplesFolder, 'README.md'), 'utf8')
  assert.equal(updateReadme(readme), readme, makeAgain)
})

function metaInformation(path: string): Buffer {
  const file = readFileSync(path)
  return file.subarray(0, 144 + file.readUInt32LE(140))
}

function sameBytes(path: string, otherPath: string): boolean {
  return readFileSync(path).equals(readFileSync(otherPath))
}

function lossyPicture({ picture, transferSyntax }: Sample): Picture | undefined {
  return 'lossy' in transferSyntaxes[transferSyntax] ? picture : undefined
}
