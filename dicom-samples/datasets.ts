import type { Attributes } from './dcmjs.ts'
import type { Part10 } from './part10.ts'
import type { Sample, Study } from './samples.ts'
import { uidRoot } from './uids.ts'

const time = '093000'

/** A sample's complete dataset: the modules that all SOP classes share (PS3.3 §C.7, §C.12), then its own. */
export function toDataset(sample: Sample): Part10 {
  const { study, iod, picture, privateElements, transferSyntax, definedLengths } = sample
  return {
    attributes: { ...patientAndStudy(study), ...seriesAndInstance(sample), ...iod.attributes },
    characterSet: study.characterSet,
    transferSyntax,
    ...(picture && { picture }),
    ...(privateElements && { privateElements }),
    ...(definedLengths && { definedLengths }),
  }
}

function patientAndStudy({ number, patient, date, description, order }: Study): Attributes {
  return {
    PatientName: patient.name,
    PatientID: patient.id,
    PatientBirthDate: patient.birthDate,
    PatientSex: patient.sex,
    PatientComments: 'Synthetic: nobody was examined.',
    StudyInstanceUID: `${uidRoot}.${number}`,
    StudyID: String(number),
    StudyDate: date,
    StudyTime: time,
    StudyDescription: description,
    AccessionNumber: order?.accessionNumber ?? '',
    ReferringPhysicianName: '',
  }
}

function seriesAndInstance({ study, series, instance, iod, bodyPart, laterality }: Sample): Attributes {
  const seriesUid = `${uidRoot}.${study.number}.${series}`
  const studyUid = `${uidRoot}.${study.number}`
  return {
    SOPClassUID: iod.sopClass,
    SOPInstanceUID: `${seriesUid}.${instance}`,
    Modality: iod.modality,
    SeriesInstanceUID: seriesUid,
    SeriesNumber: series,
    InstanceNumber: instance,
    ContentDate: study.date,
    ContentTime: time,
    Manufacturer: 'Made by formula',
    ManufacturerModelName: 'Phantom',
    ...(study.institution && { InstitutionName: study.institution }),
    ...(bodyPart && { BodyPartExamined: bodyPart }),
    ...(laterality && { Laterality: laterality }),
    ...(iod.frameOfReference && { FrameOfReferenceUID: `${studyUid}.0`, PositionReferenceIndicator: '' }),
    ...(study.order && request(study.order, studyUid, iod.modality)),
  }
}

/** Reports say which request they answer in a module of their own (PS3.3 §C.17.2), images in their series. */
function request(order: NonNullable<Study['order']>, studyUid: string, modality: string): Attributes {
  if (modality !== 'SR') {
    const { requestedProcedureId, scheduledProcedureStepId } = order
    return {
      RequestAttributesSequence: [
        { RequestedProcedureID: requestedProcedureId, ScheduledProcedureStepID: scheduledProcedureStepId },
      ],
    }
  }
  return {
    ReferencedRequestSequence: [
      {
        StudyInstanceUID: studyUid,
        ReferencedStudySequence: [],
        AccessionNumber: order.accessionNumber,
        PlacerOrderNumberImagingServiceRequest: '',
        FillerOrderNumberImagingServiceRequest: '',
        RequestedProcedureID: order.requestedProcedureId,
        RequestedProcedureDescription: '',
        RequestedProcedureCodeSequence: [],
      },
    ],
  }
}
