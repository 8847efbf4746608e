import { CT_IMAGE, datasetPdus, implicitDataset, storeRq } from '../support/messages.ts'

/** What an association sends. */
export interface Shape {
  /** C-STOREs in the association */
  instances: number
  /** studies that the instances belong to, in turn */
  studies: number
  /** bytes of each dataset */
  size: number
  /** bytes that follow the header of a P-DATA-TF, which holds one PDV */
  pduLength: number
  /** bytes that stand before BodyPartExamined, which is HEAD; where it is not said, there is none */
  headLength?: number
}

const pdvHeaderLength = 6

/** The bytes of each C-STORE-RQ with its dataset, in parts: all instances share those behind the first fragment. */
export function prepareInstances({ instances, studies, size, pduLength, headLength }: Shape): Buffer[][] {
  const fragment = pduLength - pdvHeaderLength
  const rest = datasetPdus(dataset(0, 0, size, headLength).subarray(fragment), { fragment })
  return Array.from({ length: instances }, (_, index) => {
    const first = storeRq(dataset(index, index % studies, size, headLength).subarray(0, fragment), {
      messageId: messageIdOf(index),
      sopInstance: instanceUid(index),
      fragment,
      last: size <= fragment,
    })
    return rest.length > 0 ? [first, rest] : [first]
  })
}

/** Of the instance with this index, from 0. */
export const messageIdOf = (index: number) => 1 + (index % 0xffff)

function dataset(index: number, study: number, size: number, headLength = 0): Buffer {
  const elements = {
    '00080008': 'ORIGINAL\\PRIMARY\\AXIAL',
    '00080016': `${CT_IMAGE}\0`,
    '00080018': instanceUid(index),
    '00080020': '20260101',
    '00080060': 'CT',
    '00100010': 'BENCHMARK^ANNE',
    '00100020': `P-${number(study)}`,
    '0020000d': uid(1, study),
    '0020000e': uid(2, study),
    '00280010': Buffer.of(0, 2),
    '00280011': Buffer.of(0, 2),
    // Additional Patient History, and BodyPartExamined behind it
    ...(headLength > 0 && { '001021b0': 'x'.repeat(headLength), '00180015': 'HEAD' }),
  }
  const head = implicitDataset(elements)
  const pixels = size - head.length - 8
  if (pixels < 0) throw new Error(`a dataset has at least ${head.length + 8} bytes`)
  return Buffer.concat([head, implicitDataset({ '7fe00010': Buffer.alloc(pixels, 7) })])
}

const instanceUid = (index: number) => uid(3, index)

/** All have the same even length, so that all datasets are alike behind their first fragment. */
const uid = (kind: number, n: number) => `2.25.${kind}0000000000000000000000${number(n)}`

const number = (n: number) => String(n).padStart(8, '0')
