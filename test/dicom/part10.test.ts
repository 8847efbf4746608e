import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { describe, test } from 'node:test'
import { DicomError, isPart10, parseTagPath, readDatasetHead, readPart10 } from '../../agent/dicom/index.ts'
import { samples } from '../../dicom-samples/samples.ts'
import { transferSyntaxes } from '../../dicom-samples/transfer-syntaxes.ts'

const folder = new URL('../../dicom-samples/', import.meta.url).pathname
const sample = readFileSync(`${folder}ct-head-1.dcm`)
const code = (bytes: Buffer) => {
  try {
    readPart10(bytes)
    return undefined
  } catch (error) {
    return error instanceof DicomError ? error.code : error
  }
}

describe('a file of PS3.10', () => {
  for (const file of globSync(`${folder}*.dcm`)) {
    test(`tells how its dataset is written: ${basename(file)}`, () => {
      const known = samples.find(sample => sample.file === basename(file))
      assert.ok(known)
      const { transferSyntax, sopClass, dataset } = readPart10(readFileSync(file))
      assert.equal(transferSyntax, transferSyntaxes[known.transferSyntax].uid)
      const paths = ['SOPClassUID', 'PatientID'].map(parseTagPath)
      const [found, patient] = readDatasetHead(dataset, transferSyntax, paths, true).lookups
      assert.deepEqual(found, { state: 'present', values: [sopClass] })
      const { id } = known.study.patient
      assert.deepEqual(patient, { state: 'present', values: id === '' ? [] : [id] })
    })
  }

  test('is told by its mark', () => {
    assert.equal(isPart10(sample), true)
    assert.equal(isPart10(sample.subarray(0, 131)), false)
    assert.equal(code(Buffer.from('# a text')), 'invalid-value')
  })

  test('that ends early lacks its transfer syntax, and never throws another error', () => {
    assert.equal(code(sample.subarray(0, 140)), 'missing-item')
    for (let length = 0; length < 400; length++) {
      const found = code(sample.subarray(0, length))
      assert.ok(['invalid-value', 'missing-item', undefined].includes(found as string), `${length}: ${found}`)
    }
  })

  test('has bytes that are no element', () => {
    const broken = Buffer.from(sample)
    broken.write('??', 136, 'latin1')
    assert.equal(code(broken), 'invalid-value')
  })
})
