import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { samples } from '../../dicom-samples/samples.ts'
import { attribute, characterSetOf, dump, isDicomFile } from './dcmtk.ts'
import { readmeRows, samplesFolder } from './readme.ts'

const rows = readmeRows()
const files = readdirSync(samplesFolder).filter(name => name.endsWith('.dcm'))
const dumpOf = (file: string) => dump(join(samplesFolder, file))

describe('the committed samples', () => {
  it('are the files that the README lists, no more and no fewer', () => {
    assert.deepEqual(rows.map(row => row.File).sort(), files.toSorted())
  })

  it('are under 1 MB together', () => {
    const total = files.reduce((sum, file) => sum + statSync(join(samplesFolder, file)).size, 0)
    assert.ok(total < 1_000_000, `${total} bytes`)
  })

  it('have a SOP Instance UID each, the same in dataset and meta information', () => {
    const dumps = files.map(dumpOf)
    const uids = dumps.map(dumped => attribute(dumped, 'SOPInstanceUID'))
    assert.equal(new Set(uids).size, files.length)
    assert.deepEqual(
      uids,
      dumps.map(dumped => attribute(dumped, 'MediaStorageSOPInstanceUID')),
    )
  })

  it('cover the transfer syntaxes and character sets that the balancer claims to read', () => {
    const syntaxes = rows.map(row =>
      row['Transfer syntax']?.split(' ').at(-1)?.replace('1.2.840.10008.1.2', ''),
    )
    assert.deepEqual([...new Set(syntaxes)].sort(), [
      '',
      '.1',
      '.1.99',
      '.2',
      '.4.50',
      '.4.70',
      '.4.80',
      '.5',
    ])
    assert.deepEqual([...new Set(rows.map(row => row['Character set']))].sort(), [
      'ISO_IR 100',
      'ISO_IR 101',
      'ISO_IR 144',
      'ISO_IR 192',
      '\\ISO 2022 IR 87',
      'default',
    ])
  })

  it('tell institution, patient and body part apart within one modality', () => {
    const ct = rows.filter(row => row.Modality === 'CT')
    const institutions = Map.groupBy(ct, row => row.Institution)
    assert.equal(institutions.size, 2)
    for (const atOne of institutions.values()) {
      assert.equal(new Set(atOne.map(row => row['Patient ID'])).size, 2)
      assert.ok(atOne.some(row => row['Body part'] === 'CHEST'))
      assert.ok(atOne.some(row => row['Body part'] !== 'CHEST'))
    }
  })

  it('have sequences of defined length in two files and of undefined length in the others', () => {
    const kinds = Object.groupBy(files, file => {
      const found = dumpOf(file).matchAll(/Sequence with (\w+) length/g)
      return [...new Set([...found].map(([, kind]) => kind))].join(' and ') || 'none'
    })
    assert.deepEqual(kinds.explicit, ['ct-chest.dcm', 'xa-heart-cine.dcm'])
    assert.ok(kinds.undefined?.includes('sr-ct-head.dcm'))
    assert.deepEqual(Object.keys(kinds).sort(), ['explicit', 'none', 'undefined'])
  })

  it('hide another Modality in a private sequence of ct-pelvis-private-tags', () => {
    const dumped = dumpOf('ct-pelvis-private-tags.dcm')
    assert.match(dumped, /^\(0009,1002\) SQ .*\n.*\n +\(0008,0060\) CS \[MR\]/m)
    assert.equal(attribute(dumped, 'Modality'), 'CT')
  })

  it('carry the orders that the README names', () => {
    const ordered = files.filter(file =>
      /\(0040,0009\) SH \[SPS-\d+\].*\n.*\(0040,1001\) SH \[RP-\d+\]/.test(dumpOf(file)),
    )
    const ctHeads = [1, 2, 3, 4].map(slice => `ct-head-${slice}.dcm`)
    const others = ['ct-chest.dcm', 'ct-neck-big-endian.dcm', 'dx-hand-jpeg-ls.dcm', 'mr-brain.dcm']
    assert.deepEqual(ordered.sort(), [...ctHeads, ...others, 'xa-heart-cine.dcm'].sort())
    assert.match(
      dumpOf('sr-ct-head.dcm'),
      /ReferencedRequestSequence\n(.*\n)*? +\(0040,1001\) SH \[RP-0001\]/,
    )
  })
})

for (const row of rows) {
  const file = row.File ?? ''
  describe(file, () => {
    it('is a DICOM file to dcmftest', () => {
      assert.ok(isDicomFile(join(samplesFolder, file)))
    })

    it('says the same to dcmdump as the README', () => {
      const dumped = dumpOf(file)
      const syntax = row['Transfer syntax']?.split(' ').at(-1)
      assert.equal(attribute(dumped, 'Modality'), row.Modality)
      assert.equal(attribute(dumped, 'BodyPartExamined') ?? '', row['Body part'])
      assert.equal(attribute(dumped, 'InstitutionName') ?? '', row.Institution)
      assert.equal(attribute(dumped, 'PatientID'), row['Patient ID'])
      assert.equal(characterSetOf(join(samplesFolder, file)) ?? 'default', row['Character set'])
      assert.equal(attribute(dumped, 'TransferSyntaxUID'), syntax)
    })

    it('gives its text back in Unicode', () => {
      const study = samples.find(sample => sample.file === file)?.study
      assert.equal(attribute(dumpOf(file), 'PatientName'), study?.patient.name)
      assert.equal(attribute(dumpOf(file), 'StudyDescription'), study?.description)
    })

    it('says that it is synthetic', () => {
      assert.match(attribute(dumpOf(file), 'PatientComments') ?? '', /^Synthetic/)
    })
  })
}
