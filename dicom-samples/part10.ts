import { deflateRawSync } from 'node:zlib'
import { type CharacterSetName, characterSets, type Encode } from './character-sets.ts'
import {
  type Attributes,
  DicomDict,
  DicomMessage,
  DicomMetaDictionary,
  type Elements,
  WriteBufferStream,
} from './dcmjs.ts'
import { draw, type Picture, samplesPerPixel } from './phantoms.ts'
import {
  type TransferSyntax,
  type TransferSyntaxName,
  transcode,
  transferSyntaxes,
} from './transfer-syntaxes.ts'
import { uidRoot } from './uids.ts'

export interface Part10 {
  attributes: Attributes
  /** Private elements, which no dictionary names. */
  privateElements?: Elements
  picture?: Picture
  characterSet: CharacterSetName
  transferSyntax: TransferSyntaxName
  /** Sequences and items of defined length, as most modalities write them; dcmjs itself writes undefined length. */
  definedLengths?: true
}

/**
 * A file of PS3.10 §7. dcmjs writes everything but three things that it has no encoder for: compressed frames,
 * sequences of defined length (both DCMTK) and the deflated dataset (zlib). What they return is put back behind the
 * meta information that dcmjs wrote, so no other program's name, version or UIDs get into the samples.
 */
export function writePart10(content: Part10): Buffer {
  const { definedTerm, encode } = characterSets[content.characterSet]
  const syntax = transferSyntaxes[content.transferSyntax]
  const elements: Elements = {
    ...toElements(content.attributes),
    ...(definedTerm && toElements({ SpecificCharacterSet: definedTerm })),
    ...content.privateElements,
    ...(content.picture && pixelElements(content.picture, syntax)),
  }
  const file = write(elements, syntax.uid, encode)
  const datasetAt = 144 + file.readUInt32LE(140) // preamble, DICM, and the group length element come first
  const meta = file.subarray(0, datasetAt)
  if (content.definedLengths) {
    const dataset = transcode(['dcmconv', '--length-explicit', '--write-dataset'], file)
    return Buffer.concat([meta, dataset])
  }
  if (content.transferSyntax === 'deflated') {
    const deflated = deflateRawSync(file.subarray(datasetAt), { level: 9 })
    const padding = Buffer.alloc(deflated.length % 2) // PS3.5 §A.5
    return Buffer.concat([meta, deflated, padding])
  }
  return file
}

function toElements(attributes: Attributes): Elements {
  return DicomMetaDictionary.denaturalizeDataset(attributes)
}

/** dcmjs knows no text encoding but UTF-8, so it is lent another one while it writes the file. */
function write(dict: Elements, transferSyntax: string, encode: Encode): Buffer {
  const stream = WriteBufferStream.prototype
  const { writeUTF8String } = stream
  stream.writeUTF8String = function (text) {
    this.encoder = { encode }
    return writeUTF8String.call(this, text)
  }
  try {
    const file = new DicomDict(metaInformation(dict, transferSyntax))
    file.dict = dict
    return Buffer.from(file.write({ fragmentMultiframe: false }))
  } finally {
    stream.writeUTF8String = writeUTF8String
  }
}

function metaInformation(dict: Elements, transferSyntax: string): Elements {
  return toElements({
    FileMetaInformationVersion: Uint8Array.of(0, 1).buffer,
    MediaStorageSOPClassUID: uid(dict, '00080016'),
    MediaStorageSOPInstanceUID: uid(dict, '00080018'),
    TransferSyntaxUID: transferSyntax,
    ImplementationClassUID: `${uidRoot}.0`,
    ImplementationVersionName: 'DICOM_LB_SAMPLES',
  })
}

function uid(dict: Elements, tag: string): string {
  const value = dict[tag]?.Value[0]
  if (typeof value !== 'string') throw new Error(`the dataset lacks (${tag})`)
  return value
}

/** Image Pixel module (PS3.3 §C.7.6.3) with the picture as the transfer syntax wants it. */
function pixelElements(picture: Picture, syntax: TransferSyntax): Elements {
  const { columns, rows, bitsStored, shades } = picture
  const samples = samplesPerPixel(picture)
  const bitsAllocated = bitsStored > 8 ? 16 : 8
  const frames = shades.length / samples
  const description = {
    SamplesPerPixel: samples,
    PhotometricInterpretation: picture.photometric as string,
    Rows: rows,
    Columns: columns,
    BitsAllocated: bitsAllocated,
    BitsStored: bitsStored,
    HighBit: bitsStored - 1,
    PixelRepresentation: 0,
    ...(samples > 1 && { PlanarConfiguration: 0 }),
    ...(frames > 1 && { NumberOfFrames: frames }),
  }
  const native = draw(picture, syntax === transferSyntaxes.bigEndian ? 'big' : 'little')
  const nativeElements = {
    ...toElements(description),
    '7FE00010': { vr: bitsAllocated > 8 ? 'OW' : 'OB', Value: [arrayBuffer(native)] },
  }
  if (syntax.encoder === undefined) return nativeElements
  // The encoder sees nothing but the picture: its file must not depend on what else the sample says.
  const naked = {
    ...nativeElements,
    ...toElements({ SOPClassUID: '1.2.840.10008.5.1.4.1.1.7', SOPInstanceUID: `${uidRoot}.0.1` }),
  }
  const file = write(naked, transferSyntaxes.explicit.uid, characterSets.default.encode)
  const compressed = DicomMessage.readFile(arrayBuffer(transcode(syntax.encoder, file))).dict
  const frameBytes = compressed['7FE00010']?.Value
  if (frameBytes?.length !== frames) throw new Error(`${syntax.name}: expected ${frames} compressed frames`)
  const lossyColour = syntax.lossy && samples > 1 && { PhotometricInterpretation: 'YBR_FULL_422' }
  const lossy = syntax.lossy && {
    LossyImageCompression: '01',
    LossyImageCompressionMethod: 'ISO_10918_1',
  }
  return {
    ...toElements({ ...description, ...lossyColour, ...lossy }),
    '7FE00010': { vr: 'OB', Value: frameBytes },
  }
}

function arrayBuffer(bytes: Buffer): ArrayBuffer {
  return Uint8Array.from(bytes).buffer
}
