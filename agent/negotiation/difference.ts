import { type AssociateAc, type AssociateRq, ContextResult } from '../dicom/index.ts'

/** Where a PACS's answer is not what was offered to it, and promised to the client. */
export interface Difference {
  contexts: { id: number; abstractSyntax: string; offered: string; answered: string }[]
  /** bytes; 0 is unlimited */
  maxPduLength: { promised: number; answered: number }
}

export function difference(offered: AssociateRq, promised: AssociateAc, answered: AssociateAc): Difference {
  const answers = new Map(answered.presentationContexts.map(context => [context.id, context]))
  return {
    contexts: offered.presentationContexts.flatMap(({ id, abstractSyntax, transferSyntaxes }) => {
      const [uid = ''] = transferSyntaxes
      const { result, transferSyntax } = answers.get(id) ?? {
        result: ContextResult.noReason,
        transferSyntax: '',
      }
      const got = result === ContextResult.acceptance ? transferSyntax : `result ${result}`
      return got === uid ? [] : { id, abstractSyntax, offered: uid, answered: got }
    }),
    maxPduLength: { promised: promised.maxPduLength ?? 0, answered: answered.maxPduLength ?? 0 },
  }
}
