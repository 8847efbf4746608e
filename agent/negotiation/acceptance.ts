import { ContextResult } from '../dicom/index.ts'
import type { Pool } from '../routing/index.ts'
import { defaultMaxPduLength, defaultTransferSyntaxes } from './defaults.ts'

/** What a pool accepts of a client. */
export interface Acceptance {
  /** its answer to a presentation context that proposes this one transfer syntax: one of `ContextResult` */
  resultOf(abstractSyntax: string, transferSyntax: string): number
  /** bytes; 0 is unlimited */
  maxPduLength: number
}

/** Whether the rule files say what a pool accepts, so that it is not asked. */
export function isDeclared({ transferSyntaxes, sopClasses, maxPduLength }: Pool): boolean {
  return (transferSyntaxes ?? sopClasses ?? maxPduLength) !== undefined
}

/** What the rule files say that a pool accepts; what they leave out is the default. */
export function declared({ sopClasses, transferSyntaxes, maxPduLength }: Pool): Acceptance {
  const accepted = transferSyntaxes ?? defaultTransferSyntaxes
  return {
    resultOf(abstractSyntax, transferSyntax) {
      if (sopClasses && !sopClasses.includes(abstractSyntax)) return ContextResult.abstractSyntaxNotSupported
      return accepted.includes(transferSyntax)
        ? ContextResult.acceptance
        : ContextResult.transferSyntaxesNotSupported
    },
    maxPduLength: maxPduLength ?? defaultMaxPduLength,
  }
}
