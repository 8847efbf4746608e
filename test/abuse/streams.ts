import { encodePData, type Pdv, pduHeaderLength } from '../../agent/dicom/index.ts'
import {
  associateRq,
  CT_IMAGE,
  commandOnly,
  contexts,
  implicitDataset,
  MR_IMAGE,
  releaseRq,
  storeRq,
  VERIFICATION,
} from '../support/messages.ts'

/** What clients of these streams are routed by. */
export const rules = `
pools:
  ct: &accepts { maxPduLength: 16384 }
  mr: *accepts
rules:
  - { name: direct, when: { calledAE: DIRECT }, route: ct }
  - { name: CT, when: { Modality: CT }, route: ct }
  - { name: MR, when: { Modality: MR }, route: mr }
`

const proposed = contexts([CT_IMAGE, MR_IMAGE, VERIFICATION])

/** All that a client sends, of which the first PDU is its A-ASSOCIATE-RQ. `mark` makes its datasets differ from all others'. */
export type Stream = (callingAE: string, mark: string) => Buffer[]

export const streams: Readonly<Record<string, Stream>> = {
  'a direct A-ASSOCIATE-RQ': callingAE => [request(callingAE, 'DIRECT'), releaseRq],
  'a delayed A-ASSOCIATE-RQ': callingAE => [request(callingAE), releaseRq],
  'a direct C-STORE': (callingAE, mark) => [request(callingAE, 'DIRECT'), ...store(mark, 1), releaseRq],
  'a delayed C-STORE': (callingAE, mark) => [request(callingAE), ...store(mark, 1), releaseRq],
  'C-ECHOs and a C-STORE': (callingAE, mark) => [
    request(callingAE),
    commandOnly(0x0030, { contextId: 5, messageId: 1 }),
    commandOnly(0x0030, { contextId: 5, messageId: 2 }),
    ...store(mark, 3),
    releaseRq,
  ],
  'two studies for two pools': (callingAE, mark) => [
    request(callingAE),
    ...store(mark, 1),
    ...store(mark, 2, 'MR'),
    ...store(mark, 3),
    releaseRq,
  ],
}

function request(callingAE: string, calledAE = 'TAGS'): Buffer {
  return associateRq({ callingAE, calledAE, presentationContexts: proposed })
}

/** A C-STORE of some 700 bytes in PDUs of three PDVs each. */
function store(mark: string, messageId: number, modality: 'CT' | 'MR' = 'CT'): Buffer[] {
  const contextId = modality === 'CT' ? 1 : 3
  const dataset = implicitDataset({
    '00080060': modality,
    '00100020': 'P-1',
    '0020000d': modality === 'CT' ? '1.2.11\0' : '1.2.12\0',
    '00204000': `${mark}/${messageId}`,
    '7fe00010': Buffer.alloc(600, messageId),
  })
  const sopInstance = `1.3.${messageId}`
  const command = storeRq(Buffer.alloc(0), { contextId, messageId, sopInstance }).subarray(
    pduHeaderLength + 6,
  )
  const pdvs: Pdv[] = [{ contextId, command: true, last: true, data: command }]
  for (let at = 0; at < dataset.length; at += 150) {
    const data = dataset.subarray(at, at + 150)
    pdvs.push({ contextId, command: false, last: at + 150 >= dataset.length, data })
  }
  return [encodePData(pdvs.slice(0, 3)), encodePData(pdvs.slice(3))]
}
