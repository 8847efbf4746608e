import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parseTagPath, readDatasetHead } from '../../agent/dicom/index.ts'
import { element, explicitLittleEndian, item, sequence } from './build.ts'
import { dumped } from './datasets.ts'
import { datasetOf, dump2dcm, workspace } from './dcmtk.ts'

const esc = '\x1b'

/** Bytes as text, one character a byte; the names of PS3.5 Annexes H to K, and letters of each alphabet. */
const names: { terms: string; bytes: string; unicode: string; dcmtk?: false }[] = [
  { terms: 'ISO_IR 100', bytes: 'Buc^J\xe9r\xf4me', unicode: 'Buc^Jérôme' },
  { terms: 'ISO_IR 101', bytes: 'W\xe4\xb1\xb3', unicode: 'Wäął' },
  { terms: 'ISO_IR 109', bytes: '\xa1\xb6', unicode: 'Ħĥ' },
  { terms: 'ISO_IR 110', bytes: '\xb6\xfe', unicode: 'ļū' },
  { terms: 'ISO_IR 126', bytes: '\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2', unicode: 'Διονυσιος' },
  { terms: 'ISO_IR 127', bytes: '\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1', unicode: 'قباني^لنزار' },
  { terms: 'ISO_IR 138', bytes: '\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4', unicode: 'שרון^דבורה' },
  { terms: 'ISO_IR 144', bytes: '\xbb\xee\xda\x63\x65\xdc\xd1\xe3\xe0\xd3', unicode: 'Люкceмбург' },
  { terms: 'ISO_IR 148', bytes: '\xd0\xfd\xde', unicode: 'ĞıŞ' },
  { terms: 'ISO_IR 166', bytes: '\xb9\xd2\xc2', unicode: 'นาย' },
  { terms: 'ISO_IR 13', bytes: '\xd4\xcf\xc0\xde^\xc0\xdb\xb3', unicode: 'ﾔﾏﾀﾞ^ﾀﾛｳ' },
  { terms: 'ISO_IR 192', bytes: 'Wang^\xe7\x8e\x8b', unicode: 'Wang^王' },
  { terms: 'GB18030', bytes: 'Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab', unicode: 'Wang^XiaoDong=王^小东' },
  { terms: 'GBK', bytes: 'Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab', unicode: 'Wang^XiaoDong=王^小东' },
  {
    terms: '\\ISO 2022 IR 87',
    bytes: `Yamada^Tarou=${esc}$B;3ED${esc}(B^${esc}$BB@O:${esc}(B=${esc}$B$d$^$@${esc}(B^${esc}$B$?$m$&${esc}(B`,
    unicode: 'Yamada^Tarou=山田^太郎=やまだ^たろう',
  },
  {
    terms: 'ISO 2022 IR 13\\ISO 2022 IR 87',
    bytes: `\xd4\xcf\xc0\xde^\xc0\xdb\xb3=${esc}$B;3ED${esc}(J^${esc}$BB@O:${esc}(J=${esc}$B$d$^$@${esc}(J^${esc}$B$?$m$&${esc}(J`,
    unicode: 'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう',
  },
  { terms: '\\ISO 2022 IR 159', bytes: `${esc}$(D0!0"${esc}(B^A`, unicode: '丂丄^A' },
  {
    terms: '\\ISO 2022 IR 149',
    bytes: `Hong^Gildong=${esc}$)C\xfb\xf3^${esc}$)C\xd1\xce\xd4\xd7=${esc}$)C\xc8\xab^${esc}$)C\xb1\xe6\xb5\xbf`,
    unicode: 'Hong^Gildong=洪^吉洞=홍^길동',
  },
  {
    terms: '\\ISO 2022 IR 58',
    bytes: `Zhang^XiaoDong=${esc}$)A\xd5\xc5^${esc}$)A\xd0\xa1\xb6\xab`,
    unicode: 'Zhang^XiaoDong=张^小东',
  },
  {
    terms: 'ISO 2022 IR 100\\ISO 2022 IR 144',
    bytes: `\xe9${esc}-L\xbb\xee^\xe9=${esc}-L\xbb`,
    unicode: 'éЛю^é=Л',
  },
  // Writers that leave out the escape after a delimiter, as the upper half is empty otherwise.
  {
    terms: '\\ISO 2022 IR 149',
    bytes: `Hong=${esc}$)C\xfb\xf3^\xd1\xce`,
    unicode: 'Hong=洪^吉',
    dcmtk: false,
  },
  // Only the short form of the term, as some write it.
  { terms: 'ISO_IR_100', bytes: '\xe9', unicode: 'é', dcmtk: false },
  // No term: what should be ASCII is Latin-1 in practice. An unknown term: no letter that could be wrong.
  { terms: '', bytes: '\xe9', unicode: 'é', dcmtk: false },
  { terms: 'ISO_IR 999', bytes: 'A\xe9', unicode: 'A\ufffd', dcmtk: false },
]

function read(dataset: Buffer, path: string): readonly string[] {
  const [lookup] = readDatasetHead(dataset, explicitLittleEndian, [parseTagPath(path)], true).lookups
  assert.equal(lookup?.state, 'present')
  return lookup.values
}

describe('Specific Character Set to Unicode', () => {
  for (const { terms, bytes, unicode } of names) {
    test(`${terms || 'none'}: ${unicode}`, () => {
      const dataset = Buffer.concat([element(0x00080005, 'CS', terms), element(0x00100010, 'PN', bytes)])
      assert.deepEqual(read(dataset, 'PatientName'), [unicode])
    })
  }

  const folder = workspace()
  names.forEach(({ terms, bytes, unicode, dcmtk }, index) => {
    // Built on glibc's iconv, DCMTK has no JIS X 0208 and 0212.
    if (dcmtk === false || /IR (87|159)/.test(terms)) return
    test(`DCMTK agrees: ${terms}: ${unicode}`, () => {
      const dump = `(0008,0005) CS [${terms}]\n(0010,0010) PN [${bytes}]\n`
      const file = dump2dcm(folder, String(index), dump)
      assert.equal(join(folder, `${index}.dcm`), file)
      assert.deepEqual(dumped(file).get('(0010,0010)')?.values, read(datasetOf(file).dataset, 'PatientName'))
    })
  })

  test('a backslash that is half a character does not divide values', () => {
    const gbk = Buffer.concat([
      element(0x00080005, 'CS', 'GB18030'),
      element(0x00101000, 'LO', '\x95\x5c\\B'),
    ])
    const [character, second] = read(gbk, 'OtherPatientIDs')
    assert.equal(character, '昞')
    assert.equal(second, 'B')
    const jis = element(0x00101000, 'LO', `${esc}$B%\\${esc}(B\\B`)
    const dataset = Buffer.concat([element(0x00080005, 'CS', '\\ISO 2022 IR 87'), jis])
    assert.deepEqual(read(dataset, 'OtherPatientIDs'), ['ボ', 'B'])
  })

  test('a line end returns to ASCII', () => {
    const comments = element(0x00104000, 'LT', `${esc}$B;3\r\nA${esc}$BED${esc}(B`)
    const dataset = Buffer.concat([element(0x00080005, 'CS', '\\ISO 2022 IR 87'), comments])
    assert.deepEqual(read(dataset, 'PatientComments'), ['山\r\nA田'])
  })

  test('an item inherits the character set, unless it has its own, which ends with it', () => {
    const description = (bytes: string) => element(0x00400007, 'LO', bytes)
    const items = [
      item(description('\xbb\xee')),
      item(element(0x00080005, 'CS', 'ISO_IR 100'), description('\xe9 ')),
      item(description('\xbb\xee')),
    ]
    const dataset = Buffer.concat([
      element(0x00080005, 'CS', 'ISO_IR 144'),
      sequence(0x00400275, ...items),
      element(0x00401001, 'SH', '\xbb '),
    ])
    assert.deepEqual(read(dataset, 'RequestAttributesSequence.ScheduledProcedureStepDescription'), [
      'Лю',
      'é',
      'Лю',
    ])
    assert.deepEqual(read(dataset, 'RequestedProcedureID'), ['Л'])
  })

  test('the VRs of codes and numbers are not affected', () => {
    const dataset = Buffer.concat([
      element(0x00080005, 'CS', 'ISO_IR 144'),
      element(0x00080060, 'CS', '\xe9 '),
    ])
    assert.deepEqual(read(dataset, 'Modality'), ['é'])
  })
})
