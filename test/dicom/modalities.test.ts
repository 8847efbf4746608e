import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { modalityOf } from '../../agent/dicom/index.ts'
import { sopClassesByModality } from '../../agent/dicom/modalities.ts'
import { storageSopClasses } from '../../agent/dicom/storage-sop-classes.ts'

/** What the standard calls the SOP classes whose IOD has one Modality. */
const names: Readonly<Record<string, RegExp>> = {
  CT: /CT Image/,
  MR: /MR (Color )?Image|MR Spectroscopy/,
  PT: /Positron Emission|PET Image/,
  MG: /Mammography X-Ray Image/,
  IO: /Intra-Oral/,
  OP: /Ophthalmic Photography/,
  OPT: /Ophthalmic Tomography/,
  ES: /Endoscopic Image/,
  GM: /Microscopic Image/,
  SM: /Slide-Coordinates|Whole Slide/,
  XC: /Photographic Image/,
  ECG: /ECG/,
  HD: /Hemodynamic/,
  EPS: /Electrophysiology/,
  RTIMAGE: /^RT Image/,
  RTDOSE: /^RT Dose/,
  RTSTRUCT: /^RT Structure/,
  RTRECORD: /^RT .*Record/,
  RTPLAN: /^RT (Ion )?Plan/,
  PR: /Presentation State/,
  REG: /Registration/,
  FID: /Fiducials/,
  SEG: /Segmentation/,
  SR: /SR Storage|Report|Log|Dose/,
  KO: /Key Object/,
}

describe('the Modality that an IOD fixes', () => {
  for (const [modality, uids] of Object.entries(sopClassesByModality)) {
    test(`${modality}: of SOP classes that the standard calls so`, () => {
      for (const uid of uids) {
        assert.match(storageSopClasses[uid] ?? `no SOP class: ${uid}`, names[modality] ?? /^$/)
        assert.equal(modalityOf(uid), modality)
      }
    })
  }

  test('is none where an IOD has several, or is not known', () => {
    for (const name of [
      'Ultrasound Image Storage',
      'Secondary Capture Image Storage',
      'Encapsulated PDF Storage',
    ]) {
      const uid = Object.keys(storageSopClasses).find(key => storageSopClasses[key] === name)
      assert.equal(modalityOf(uid ?? assert.fail(name)), undefined)
    }
    assert.equal(modalityOf('1.2.276.0.1'), undefined)
  })
})
