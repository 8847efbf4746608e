import assert from 'node:assert/strict'
import { join } from 'node:path'
import { it } from 'node:test'
import { draw } from '../../dicom-samples/phantoms.ts'
import { samples } from '../../dicom-samples/samples.ts'
import { transferSyntaxes } from '../../dicom-samples/transfer-syntaxes.ts'
import { blockDifference, lossyLimit } from './block-difference.ts'
import { attribute, dump, pixels } from './dcmtk.ts'
import { samplesFolder } from './readme.ts'

for (const { file, picture, transferSyntax } of samples) {
  if (picture === undefined) continue
  const lossy = 'lossy' in transferSyntaxes[transferSyntax]

  it(`DCMTK decodes ${file} to as many bytes as its attributes say`, () => {
    const dumped = dump(join(samplesFolder, file))
    const factors = ['Rows', 'Columns', 'SamplesPerPixel', 'BitsAllocated'].map(name =>
      Number(attribute(dumped, name)),
    )
    const frames = Number(attribute(dumped, 'NumberOfFrames') ?? 1)
    assert.equal(
      pixels(join(samplesFolder, file)).length,
      factors.reduce((a, b) => a * b, frames / 8),
    )
  })

  it(`DCMTK decodes ${file} to ${lossy ? 'nearly' : 'exactly'} the picture that was drawn`, () => {
    const [drawn, seen] = [draw(picture, 'little'), pixels(join(samplesFolder, file))]
    assert.ok(
      drawn.some(byte => byte !== drawn[0]),
      'the picture is empty',
    )
    if (lossy) assert.ok(blockDifference(picture, drawn, seen) < lossyLimit)
    else assert.deepEqual(seen, drawn)
  })
}
