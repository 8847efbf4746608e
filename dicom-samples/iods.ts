import type { Attributes } from './dcmjs.ts'

/**
 * What each SOP class asks for beside patient, study, general series, equipment and pixels: the mandatory
 * attributes (types 1 and 2) of its own modules in PS3.3 §A and §C, and a few that every real device fills in.
 */
export interface Iod {
  sopClass: string
  modality: string
  /** Slices share one Frame of Reference UID per study. */
  frameOfReference?: true
  attributes: Attributes
}

/** PS3.3 §A.3. Slices lie 5 mm apart. */
export function ct(slice: number, windowWidth: number): Iod {
  return {
    sopClass: '1.2.840.10008.5.1.4.1.1.2',
    modality: 'CT',
    frameOfReference: true,
    attributes: {
      ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
      PatientPosition: 'HFS',
      ...plane([1, 0, 0, 0, 1, 0], [-120, -120, 5 * slice], [3.75, 3.75], 5),
      AcquisitionNumber: 1,
      KVP: 120,
      RescaleIntercept: -1024,
      RescaleSlope: 1,
      RescaleType: 'HU',
      ...window(40, windowWidth),
    },
  }
}

/** PS3.3 §A.4. */
export function mr(orientation: 'axial' | 'sagittal'): Iod {
  const cosines = orientation === 'axial' ? [1, 0, 0, 0, 1, 0] : [0, 1, 0, 0, 0, -1]
  return {
    sopClass: '1.2.840.10008.5.1.4.1.1.4',
    modality: 'MR',
    frameOfReference: true,
    attributes: {
      ImageType: ['ORIGINAL', 'PRIMARY', 'OTHER'],
      PatientPosition: orientation === 'axial' ? 'HFS' : 'FFS',
      ...plane(cosines, [-110, -110, 0], [3.5, 3.5], 4),
      ScanningSequence: 'SE',
      SequenceVariant: 'NONE',
      ScanOptions: '',
      MRAcquisitionType: '2D',
      RepetitionTime: 4000,
      EchoTime: 90,
      EchoTrainLength: 12,
      MagneticFieldStrength: 1.5,
      ...window(900, 1800),
    },
  }
}

/** PS3.3 §A.6. */
export function us(): Iod {
  return {
    sopClass: '1.2.840.10008.5.1.4.1.1.6.1',
    modality: 'US',
    attributes: { ImageType: ['ORIGINAL', 'PRIMARY', 'ABDOMINAL', '0011'], PatientOrientation: '' },
  }
}

/** PS3.3 §A.2. */
export function cr(): Iod {
  return {
    sopClass: '1.2.840.10008.5.1.4.1.1.1',
    modality: 'CR',
    attributes: {
      ImageType: ['ORIGINAL', 'PRIMARY'],
      ViewPosition: 'PA',
      PatientOrientation: ['L', 'F'],
      ImagerPixelSpacing: [5.5, 5.5],
      ...window(1600, 2800),
    },
  }
}

/** PS3.3 §A.26, for presentation. */
export function dx(): Iod {
  return {
    sopClass: '1.2.840.10008.5.1.4.1.1.1.1',
    modality: 'DX',
    attributes: {
      ...digitalXRay(),
      ImageLaterality: 'R',
      PatientOrientation: ['R', 'F'],
      AnatomicRegionSequence: [code('85562004', 'SCT', 'Hand')],
      ViewCodeSequence: [{ ...code('399348003', 'SCT', 'postero-anterior'), ViewModifierCodeSequence: [] }],
      PositionerType: '',
    },
  }
}

/** PS3.3 §A.27, for presentation. */
export function mg(): Iod {
  return {
    sopClass: '1.2.840.10008.5.1.4.1.1.1.2',
    modality: 'MG',
    attributes: {
      ...digitalXRay(),
      ImageLaterality: 'L',
      PatientOrientation: ['A', 'R'],
      AnatomicRegionSequence: [code('76752008', 'SCT', 'Breast')],
      OrganExposed: 'BREAST',
      PositionerType: 'MAMMOGRAPHIC',
      BreastImplantPresent: 'NO',
      ViewCodeSequence: [{ ...code('399162004', 'SCT', 'cranio-caudal'), ViewModifierCodeSequence: [] }],
    },
  }
}

/** PS3.3 §A.14, as a cine loop. */
export function xa(): Iod {
  return {
    sopClass: '1.2.840.10008.5.1.4.1.1.12.1',
    modality: 'XA',
    attributes: {
      ImageType: ['ORIGINAL', 'PRIMARY', 'SINGLE PLANE'],
      PatientOrientation: '',
      PixelIntensityRelationship: 'LIN',
      KVP: 75,
      RadiationSetting: 'GR',
      XRayTubeCurrent: 500,
      ExposureTime: 8,
      PositionerMotion: 'STATIC',
      PositionerPrimaryAngle: -30,
      PositionerSecondaryAngle: 25,
      FrameTime: 80,
      FrameIncrementPointer: 0x00181063,
      LossyImageCompression: '00',
    },
  }
}

/** PS3.3 §A.8.1: a picture that no modality vouches for. */
export function secondaryCapture(): Iod {
  return {
    sopClass: '1.2.840.10008.5.1.4.1.1.7',
    modality: 'OT',
    attributes: { ConversionType: 'SYN', PatientOrientation: '', Laterality: '' },
  }
}

/** PS3.3 §A.45.1: encapsulated PDF. */
export function pdf(title: string, document: ArrayBuffer): Iod {
  return {
    sopClass: '1.2.840.10008.5.1.4.1.1.104.1',
    modality: 'DOC',
    attributes: {
      ConversionType: 'SYN',
      AcquisitionDateTime: '',
      BurnedInAnnotation: 'NO',
      DocumentTitle: title,
      ConceptNameCodeSequence: [code('18748-4', 'LN', 'Diagnostic imaging report')],
      MIMETypeOfEncapsulatedDocument: 'application/pdf',
      EncapsulatedDocument: document,
      EncapsulatedDocumentLength: document.byteLength,
    },
  }
}

/** PS3.3 §A.35.1: Basic Text SR about an image, containers three deep. */
export function basicTextSr(about: {
  study: string
  series: string
  sopClass: string
  instance: string
}): Iod {
  const image = { ReferencedSOPClassUID: about.sopClass, ReferencedSOPInstanceUID: about.instance }
  return {
    sopClass: '1.2.840.10008.5.1.4.1.1.88.11',
    modality: 'SR',
    attributes: {
      ReferencedPerformedProcedureStepSequence: [],
      CompletionFlag: 'COMPLETE',
      VerificationFlag: 'UNVERIFIED',
      PerformedProcedureCodeSequence: [],
      CurrentRequestedProcedureEvidenceSequence: [
        {
          StudyInstanceUID: about.study,
          ReferencedSeriesSequence: [{ SeriesInstanceUID: about.series, ReferencedSOPSequence: [image] }],
        },
      ],
      ...container(code('18748-4', 'LN', 'Diagnostic imaging report')),
      ContentSequence: [
        {
          RelationshipType: 'HAS OBS CONTEXT',
          ValueType: 'PNAME',
          ConceptNameCodeSequence: [code('121008', 'DCM', 'Person Observer Name')],
          PersonName: 'Example^Reader',
        },
        {
          RelationshipType: 'CONTAINS',
          ...container(code('121070', 'DCM', 'Findings')),
          ContentSequence: [
            text('121071', 'Finding', 'Round hyperdensity of 9 mm in slice 3. Drawn there by formula.'),
            { RelationshipType: 'CONTAINS', ValueType: 'IMAGE', ReferencedSOPSequence: [image] },
          ],
        },
        {
          RelationshipType: 'CONTAINS',
          ...container(code('121076', 'DCM', 'Conclusions')),
          ContentSequence: [text('121077', 'Conclusion', 'Synthetic: nobody was examined.')],
        },
      ],
    },
  }
}

function container(concept: Attributes): Attributes {
  return { ValueType: 'CONTAINER', ConceptNameCodeSequence: [concept], ContinuityOfContent: 'SEPARATE' }
}

function text(codeValue: string, meaning: string, value: string): Attributes {
  return {
    RelationshipType: 'CONTAINS',
    ValueType: 'TEXT',
    ConceptNameCodeSequence: [code(codeValue, 'DCM', meaning)],
    TextValue: value,
  }
}

function code(value: string, scheme: string, meaning: string): Attributes {
  return { CodeValue: value, CodingSchemeDesignator: scheme, CodeMeaning: meaning }
}

/** Image Plane module (PS3.3 §C.7.6.2). */
function plane(cosines: number[], corner: number[], spacing: number[], thickness: number): Attributes {
  return {
    ImageOrientationPatient: cosines,
    ImagePositionPatient: corner,
    PixelSpacing: spacing,
    SliceThickness: thickness,
  }
}

function window(centre: number, width: number): Attributes {
  return { WindowCenter: centre, WindowWidth: width }
}

/** DX Series, Image and Detector modules (PS3.3 §C.8.11), which mammography shares. */
function digitalXRay(): Attributes {
  return {
    PresentationIntentType: 'FOR PRESENTATION',
    ImageType: ['ORIGINAL', 'PRIMARY', ''],
    PixelIntensityRelationship: 'LOG',
    PixelIntensityRelationshipSign: -1,
    RescaleIntercept: 0,
    RescaleSlope: 1,
    RescaleType: 'US',
    PresentationLUTShape: 'IDENTITY',
    LossyImageCompression: '00',
    BurnedInAnnotation: 'NO',
    DetectorType: 'SCINTILLATOR',
    ImagerPixelSpacing: [2.5, 2.5],
    AcquisitionContextSequence: [],
    ...window(1800, 3200),
  }
}
