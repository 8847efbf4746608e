import type { CharacterSetName } from './character-sets.ts'
import type { Elements } from './dcmjs.ts'
import type { Iod } from './iods.ts'
import * as iods from './iods.ts'
import { onePagePdf } from './one-page-pdf.ts'
import type { Picture } from './phantoms.ts'
import * as pictures from './pictures.ts'
import type { TransferSyntaxName } from './transfer-syntaxes.ts'
import { uidRoot } from './uids.ts'

export interface Patient {
  id: string
  name: string
  birthDate: string
  sex: 'F' | 'M' | ''
}

export interface Study {
  /** Its UID is `uidRoot`.`number`; series and instances are numbered below it. */
  number: number
  patient: Patient
  institution?: string
  characterSet: CharacterSetName
  date: string
  description: string
  /** Request Attributes Sequence or Referenced Request Sequence, where the study was ordered. */
  order?: { accessionNumber: string; requestedProcedureId: string; scheduledProcedureStepId: string }
}

export interface Sample {
  file: string
  study: Study
  series: number
  instance: number
  iod: Iod
  bodyPart?: string
  laterality?: 'L' | 'R'
  picture?: Picture
  transferSyntax: TransferSyntaxName
  definedLengths?: true
  privateElements?: Elements
}

const ada: Patient = { id: 'NGH-1001', name: 'Phantom^Ada', birthDate: '19610412', sex: 'F' }
const ben: Patient = { id: 'NGH-1002', name: 'Phantom^Ben', birthDate: '19750830', sex: 'M' }
const juergen: Patient = { id: 'KAS-2001', name: 'Müller^Jürgen', birthDate: '19580101', sex: 'M' }
const soeren: Patient = { id: 'KAS-2002', name: 'Größe^Sören', birthDate: '19830517', sex: 'M' }
const zaneta: Patient = { id: 'PL/3001', name: 'Przykładowa^Żaneta', birthDate: '19900220', sex: 'F' }
const maria: Patient = { id: 'RU-4001', name: 'Примерова^Мария', birthDate: '19661103', sex: 'F' }
const tarou: Patient = {
  id: 'JP-5001',
  name: 'Yamada^Tarou=山田^太郎=やまだ^たろう',
  birthDate: '19470709',
  sex: 'M',
}
const xiaofang: Patient = { id: 'CN-6001', name: 'Wang^XiaoFang=王^小芳', birthDate: '19710625', sex: 'F' }
const nobody: Patient = { id: '', name: '', birthDate: '', sex: '' }

// Two institutions with CT and MR each, two patients at each of them, and CHEST at both.
const northside = { institution: 'Northside General Hospital', characterSet: 'default' } as const
const seeblick = { institution: 'Klinik am Seeblick, Übungsstadt', characterSet: 'ISO_IR 100' } as const

const ctHeadStudy: Study = {
  ...northside,
  number: 1,
  patient: ada,
  date: '20240108',
  description: 'CT head without contrast',
  order: { accessionNumber: 'A0001', requestedProcedureId: 'RP-0001', scheduledProcedureStepId: 'SPS-0001' },
}
const ctHead = { study: ctHeadStudy, series: 1, bodyPart: 'HEAD', transferSyntax: 'explicit' } as const

const ctPrivateElements: Elements = {
  '00090010': { vr: 'LO', Value: ['DICOM LB SAMPLES'] },
  '00091001': { vr: 'LO', Value: ['ROUTE-A'] },
  '00091002': {
    vr: 'SQ',
    Value: [
      {
        '00080060': { vr: 'CS', Value: ['MR'] }, // a decoy: not the Modality of this dataset
        '00090010': { vr: 'LO', Value: ['DICOM LB SAMPLES'] },
        '00091003': { vr: 'UN', Value: [Uint8Array.of(0xfe, 0xff, 0xdd, 0xe0).buffer] },
      },
    ],
  },
  '00290010': { vr: 'LO', Value: ['DICOM LB SAMPLES'] },
  '00291010': { vr: 'OB', Value: [new Uint8Array(300).fill(0xa5).buffer] },
}

/** The samples: the files, the tests and the README's table are all made from this list. */
export const samples: readonly Sample[] = [
  { file: 'ct-head-1.dcm', ...ctHead, instance: 1, iod: iods.ct(1, 120), picture: pictures.ctHead(1) },
  { file: 'ct-head-2.dcm', ...ctHead, instance: 2, iod: iods.ct(2, 120), picture: pictures.ctHead(2) },
  { file: 'ct-head-3.dcm', ...ctHead, instance: 3, iod: iods.ct(3, 120), picture: pictures.ctHead(3) },
  { file: 'ct-head-4.dcm', ...ctHead, instance: 4, iod: iods.ct(4, 120), picture: pictures.ctHead(4) },
  {
    file: 'ct-chest-deflated.dcm',
    study: { ...northside, number: 2, patient: ben, date: '20240109', description: 'CT chest' },
    series: 1,
    instance: 1,
    iod: iods.ct(1, 1200),
    bodyPart: 'CHEST',
    picture: pictures.ctChest(0.12),
    transferSyntax: 'deflated',
  },
  {
    file: 'ct-chest.dcm',
    study: {
      ...seeblick,
      number: 3,
      patient: juergen,
      date: '20240110',
      description: 'CT Thorax nativ, Verlaufskontrolle für Übung',
      order: {
        accessionNumber: 'K7003',
        requestedProcedureId: 'RP-7003',
        scheduledProcedureStepId: 'SPS-7003',
      },
    },
    series: 1,
    instance: 1,
    iod: iods.ct(1, 1200),
    bodyPart: 'CHEST',
    picture: pictures.ctChest(0.16),
    transferSyntax: 'explicit',
    definedLengths: true,
  },
  {
    file: 'ct-neck-big-endian.dcm',
    study: {
      ...seeblick,
      number: 4,
      patient: soeren,
      date: '19990621',
      description: 'CT Hals',
      order: {
        accessionNumber: 'K7004',
        requestedProcedureId: 'RP-7004',
        scheduledProcedureStepId: 'SPS-7004',
      },
    },
    series: 1,
    instance: 1,
    iod: iods.ct(1, 400),
    bodyPart: 'NECK',
    picture: pictures.ctNeck(),
    transferSyntax: 'bigEndian',
  },
  {
    file: 'ct-pelvis-private-tags.dcm',
    study: { ...northside, number: 5, patient: ben, date: '20240111', description: 'CT pelvis' },
    series: 1,
    instance: 1,
    iod: iods.ct(1, 400),
    bodyPart: 'PELVIS',
    picture: pictures.ctPelvis(),
    transferSyntax: 'explicit',
    privateElements: ctPrivateElements,
  },
  {
    file: 'mr-brain.dcm',
    study: {
      ...northside,
      number: 6,
      patient: ada,
      date: '20240112',
      description: 'MR brain',
      order: {
        accessionNumber: 'A0006',
        requestedProcedureId: 'RP-0006',
        scheduledProcedureStepId: 'SPS-0006',
      },
    },
    series: 1,
    instance: 1,
    iod: iods.mr('axial'),
    bodyPart: 'BRAIN',
    picture: pictures.mrBrain(),
    transferSyntax: 'implicit',
  },
  {
    file: 'mr-knee-rle.dcm',
    study: { ...seeblick, number: 7, patient: soeren, date: '20240115', description: 'MRT Knie rechts' },
    series: 1,
    instance: 1,
    iod: iods.mr('sagittal'),
    bodyPart: 'KNEE',
    laterality: 'R',
    picture: pictures.mrKnee(),
    transferSyntax: 'rle',
  },
  {
    file: 'us-abdomen-jpeg.dcm',
    study: {
      number: 8,
      patient: zaneta,
      institution: 'Szpital Przykładowy',
      characterSet: 'ISO_IR 101',
      date: '20240116',
      description: 'USG jamy brzusznej, ćwiczenie',
    },
    series: 1,
    instance: 1,
    iod: iods.us(),
    bodyPart: 'ABDOMEN',
    picture: pictures.usAbdomen(),
    transferSyntax: 'jpegBaseline',
  },
  {
    file: 'cr-chest-jpeg-lossless.dcm',
    study: {
      number: 9,
      patient: maria,
      institution: 'Примерная больница № 0',
      characterSet: 'ISO_IR 144',
      date: '20240117',
      description: 'Рентген грудной клетки',
    },
    series: 1,
    instance: 1,
    iod: iods.cr(),
    bodyPart: 'CHEST',
    picture: pictures.crChest(),
    transferSyntax: 'jpegLossless',
  },
  {
    file: 'dx-hand-jpeg-ls.dcm',
    study: {
      number: 10,
      patient: tarou,
      institution: '例示病院',
      characterSet: '\\ISO 2022 IR 87',
      date: '20240118',
      description: 'Hand 手部',
      order: {
        accessionNumber: 'J5010',
        requestedProcedureId: 'RP-5010',
        scheduledProcedureStepId: 'SPS-5010',
      },
    },
    series: 1,
    instance: 1,
    iod: iods.dx(),
    bodyPart: 'HAND',
    picture: pictures.dxHand(),
    transferSyntax: 'jpegLs',
  },
  {
    file: 'mg-breast.dcm',
    study: {
      number: 11,
      patient: xiaofang,
      institution: '示例医院',
      characterSet: 'ISO_IR 192',
      date: '20240119',
      description: '乳腺筛查 screening',
    },
    series: 1,
    instance: 1,
    iod: iods.mg(),
    bodyPart: 'BREAST',
    picture: pictures.mgBreast(),
    transferSyntax: 'explicit',
  },
  {
    file: 'xa-heart-cine.dcm',
    study: {
      ...seeblick,
      number: 12,
      patient: juergen,
      date: '20240122',
      description: 'Koronarangiographie',
      order: {
        accessionNumber: 'K7012',
        requestedProcedureId: 'RP-7012',
        scheduledProcedureStepId: 'SPS-7012',
      },
    },
    series: 1,
    instance: 1,
    iod: iods.xa(),
    bodyPart: 'HEART',
    picture: pictures.xaHeart(),
    transferSyntax: 'implicit',
    definedLengths: true,
  },
  {
    // A report belongs to the study that it describes; the SR modules know no Body Part Examined.
    file: 'sr-ct-head.dcm',
    study: ctHeadStudy,
    series: 2,
    instance: 1,
    iod: iods.basicTextSr({
      study: `${uidRoot}.1`,
      series: `${uidRoot}.1.1`,
      sopClass: '1.2.840.10008.5.1.4.1.1.2',
      instance: `${uidRoot}.1.1.3`,
    }),
    transferSyntax: 'explicit',
  },
  {
    file: 'pdf-report.dcm',
    study: { ...northside, number: 13, patient: ben, date: '20240123', description: 'Report' },
    series: 1,
    instance: 1,
    iod: iods.pdf('Synthetic report', onePagePdf('Synthetic: nobody was examined.')),
    transferSyntax: 'explicit',
  },
  {
    // Nothing to route by but the modality: what no rule may mistake for an empty match.
    file: 'sc-without-facts.dcm',
    study: { number: 14, patient: nobody, characterSet: 'default', date: '20240124', description: '' },
    series: 1,
    instance: 1,
    iod: iods.secondaryCapture(),
    picture: pictures.testCard(),
    transferSyntax: 'implicit',
  },
]
