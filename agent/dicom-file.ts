import { mayStore, type Part10, readDatasetHead, readPart10 } from './dicom/index.ts'
import { likelyCommand } from './routing/given.ts'
import type { AssociationFacts, DatasetFacts, RuleSet } from './routing/index.ts'

/** About as much of a dataset as HAProxy gives to an agent (README: "the head of the first dataset"). */
const headOfDataset = 60_000
/** The same with room for the File Meta Information, which comes before it: no more of a file is looked at. */
export const headOfFile = headOfDataset + 4_000

/** A file as far as an agent would see it, if it were sent in an association of its own. */
export interface DicomFile extends Part10 {
  /** the dataset is all there */
  complete: boolean
}

/** `head` is the beginning of a file of `size` bytes. Throws DicomError. */
export function dicomFile(head: Buffer, size: number): DicomFile {
  const { dataset, ...meta } = readPart10(head)
  const complete = size === head.length && dataset.length <= headOfDataset
  return { ...meta, dataset: dataset.subarray(0, headOfDataset), complete }
}

/** What the rules get to see of a file that is sent so. */
export function factsOfFile(
  { sopClass, transferSyntax, dataset, complete }: DicomFile,
  ruleSet: RuleSet,
  sender: Pick<AssociationFacts, 'callingAE' | 'calledAE' | 'source' | 'tlsClientCN' | 'at'>,
): { association: AssociationFacts; dataset: DatasetFacts } {
  return {
    association: {
      ...sender,
      sopClasses: [sopClass],
      transferSyntaxes: [transferSyntax],
      implementation: [],
      dimse: likelyCommand([sopClass]),
    },
    dataset: mayStore(sopClass)
      ? readDatasetHead(dataset, transferSyntax, ruleSet.paths, complete).lookups
      : 'never',
  }
}
