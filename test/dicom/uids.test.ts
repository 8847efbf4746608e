import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  datasetEncoding,
  isStorage,
  mayStore,
  sopClassByName,
  transferSyntaxes,
  uidName,
} from '../../agent/dicom/index.ts'
import { otherSopClasses } from '../../agent/dicom/other-sop-classes.ts'
import { storageSopClasses } from '../../agent/dicom/storage-sop-classes.ts'
import { dump2dcm, run, workspace } from './dcmtk.ts'

const ct = '1.2.840.10008.5.1.4.1.1.2'

/** The names that DCMTK has for UIDs, as dcmdump prints them: `=CTImageStorage`. */
function dcmtkNames(uids: readonly string[]): Map<string, string> {
  const items = uids.map(
    uid => `(fffe,e000) na (Item)\n(0008,1155) UI [${uid}]\n(0008,1150) UI [${uid}]\n(fffe,e00d) na\n`,
  )
  const dump = `(0008,1115) SQ (Sequence)\n${items.join('')}(fffe,e0dd) na\n`
  const file = dump2dcm(workspace(), 'uids', dump)
  const names = new Map<string, string>()
  let index = 0
  for (const line of run('dcmdump', '+P', '0008,1150', '+p', file).split('\n')) {
    const value = line.split(' UI ')[1]?.split(' ')[0] ?? ''
    if (value === '') continue
    const uid = uids[index++] ?? ''
    if (value.startsWith('=')) names.set(uid, value.slice(1))
  }
  assert.equal(index, uids.length)
  return names
}

describe('SOP classes', () => {
  test('are for storage where DCMTK says so', () => {
    const names = dcmtkNames([...Object.keys(storageSopClasses), ...Object.keys(otherSopClasses)])
    assert.ok(names.size > 280, `DCMTK knows ${names.size}`)
    for (const [uid, name] of names) {
      const storage = name.includes('Storage') && !/StorageCommitment|StorageDirectory/.test(name)
      assert.equal(isStorage(uid), storage, `${uid} ${name}`)
      assert.equal(mayStore(uid), storage, `${uid} ${name}`)
    }
  })

  test('have the names that DCMTK has', () => {
    const names = dcmtkNames(Object.keys(storageSopClasses))
    let same = 0
    for (const [uid, name] of names) {
      // DCMTK marks what is retired, a draft or of another standard, and has a word of its own for some.
      if (/^[A-Z]+_|^TwelveLead|SRDocument/.test(name)) continue
      assert.equal(sopClassByName(name), uid, name)
      same++
    }
    assert.ok(same > 140, `${same} names compared`)
  })

  test('are found by name, with and without "SOP Class", by keyword, and by UID', () => {
    for (const name of [
      'CT Image Storage',
      'ct image storage',
      'CT Image Storage SOP Class',
      'CTImageStorage',
      ct,
    ]) {
      assert.equal(sopClassByName(name), ct, name)
    }
    assert.equal(sopClassByName('Verification'), '1.2.840.10008.1.1')
    assert.equal(sopClassByName('1.2.3.4'), '1.2.3.4')
    assert.equal(sopClassByName('CT Image Storrage'), undefined)
    assert.equal(sopClassByName('constructor'), undefined)
  })

  test('of the same name: the current one', () => {
    assert.equal(sopClassByName('Ultrasound Image Storage'), '1.2.840.10008.5.1.4.1.1.6.1')
    assert.equal(sopClassByName('Ultrasound Image Storage (Retired)'), '1.2.840.10008.5.1.4.1.1.6')
    assert.equal(sopClassByName('Standalone Curve Storage'), '1.2.840.10008.5.1.4.1.1.9')
  })

  test('that the standard does not name may store, but are not Storage', () => {
    for (const uid of ['1.2.840.113619.4.26', '1.2.840.10008.5.1.4.1.1.9999', 'constructor', '']) {
      assert.equal(mayStore(uid), true, uid)
      assert.equal(isStorage(uid), false, uid)
      assert.equal(uidName(uid), undefined, uid)
    }
  })

  test('for other services may not store', () => {
    for (const name of [
      'Verification',
      'Study Root Query/Retrieve Information Model - FIND',
      'Modality Worklist Information Model - FIND',
      'Modality Performed Procedure Step',
      'Storage Commitment Push Model',
      'Basic Grayscale Print Management Meta SOP Class',
      'Media Storage Directory Storage',
    ]) {
      const uid = sopClassByName(name)
      assert.ok(uid, name)
      assert.equal(mayStore(uid), false, name)
    }
  })
})

describe('transfer syntaxes', () => {
  test('are Explicit VR Little Endian but for a few', () => {
    const explicit = { explicitVr: true, littleEndian: true, deflated: false }
    const others = Object.keys(transferSyntaxes).filter(uid => {
      const { explicitVr, littleEndian, deflated } = datasetEncoding(uid)
      return !explicitVr || !littleEndian || deflated
    })
    assert.deepEqual(
      others.map(uid => uidName(uid)),
      [
        'Implicit VR Little Endian',
        'Deflated Explicit VR Little Endian',
        'Explicit VR Big Endian (Retired)',
        'JPIP Referenced Deflate',
        'JPIP HTJ2K Referenced Deflate',
        'Papyrus 3 Implicit VR Little Endian (Retired)',
      ],
    )
    assert.deepEqual(datasetEncoding('1.2.3.4'), explicit)
    assert.deepEqual(datasetEncoding('constructor'), explicit)
  })
})
