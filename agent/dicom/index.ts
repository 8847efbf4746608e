export { type Abort, type AbortReason, abortReasons, decodeAbort, encodeAbort } from './abort.ts'
export {
  type AssociateAc,
  ContextResult,
  decodeAssociateAc,
  encodeAssociateAc,
  type PresentationContextAc,
} from './associate-ac.ts'
export {
  type AssociateRj,
  decodeAssociateRj,
  encodeAssociateRj,
  type RejectReason,
  rejection,
  rejectReasons,
} from './associate-rj.ts'
export {
  type AssociateRq,
  decodeAssociateRq,
  encodeAssociateRq,
  type PresentationContextRq,
  withAETitles,
} from './associate-rq.ts'
export { closest } from './closest.ts'
export { type CommandElements, type CommandSet, decodeCommandSet, encodeCommandSet } from './command-set.ts'
export { commandNames, commandOf } from './commands.ts'
export { type DatasetHead, readDatasetHead } from './dataset-head.ts'
export { allKeywords } from './dictionary.ts'
export { DicomError, type DicomErrorCode, TagPathError } from './errors.ts'
export { type MessageHead, readMessageHead } from './message-head.ts'
export { modalityOf, usualModalities } from './modalities.ts'
export { decodePData, encodePData, type Pdv } from './p-data.ts'
export { isPart10, type Part10, readPart10 } from './part10.ts'
export { encodePdu, PduType, pduHeaderLength } from './pdu.ts'
export { decodeRelease, encodeReleaseRp, encodeReleaseRq } from './release.ts'
export { parseTagPath, type TagPath, type TagStep } from './tag-path.ts'
export { type DatasetEncoding, datasetEncoding, transferSyntaxes } from './transfer-syntaxes.ts'
export { isStorage, mayStore, sopClassByName, transferSyntaxByName, uidName } from './uids.ts'
export type { RoleSelection, SopClassExtended, UserIdentity } from './user-information.ts'
export { type Lookup, vrOfPath } from './wanted.ts'
