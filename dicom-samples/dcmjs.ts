import { createRequire } from 'node:module'

/** What a DICOM attribute may hold here, by keyword: text, number, bytes, or a list of texts, numbers or items. */
export type Value = string | number | ArrayBuffer | readonly (string | number | ArrayBuffer | Attributes)[]
export interface Attributes {
  [keyword: string]: Value
}

/** dcmjs' own form of a dataset: elements by eight-digit tag. */
export interface Elements {
  [tag: string]: { vr: string; Value: readonly (string | number | ArrayBuffer | Elements)[] }
}

interface DicomDict {
  meta: Elements
  dict: Elements
  write(options?: { fragmentMultiframe: boolean }): ArrayBuffer
}

interface TextStream {
  encoder: { encode(text: string): Uint8Array }
  writeUTF8String(text: string): number
}

interface Dcmjs {
  data: {
    DicomDict: new (meta: Elements) => DicomDict
    DicomMessage: { readFile(file: ArrayBuffer): DicomDict }
    DicomMetaDictionary: {
      denaturalizeDataset(dataset: Attributes & { _vrMap?: Record<string, string> }): Elements
    }
    WriteBufferStream: { prototype: TextStream }
  }
}

// dcmjs ships no types: the interfaces above are the part of it that the samples use.
export const { DicomDict, DicomMessage, DicomMetaDictionary, WriteBufferStream } = (
  createRequire(import.meta.url)('dcmjs') as Dcmjs
).data
