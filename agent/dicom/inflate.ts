import { constants, inflateRawSync } from 'node:zlib'
import { DicomError } from './errors.ts'

/** The most bytes that are ever made of a deflated dataset. What lies beyond is not read. */
export const maxInflatedLength = 1 << 20

export interface Inflated {
  bytes: Buffer
  /** They are all there is: the end of the deflated stream was reached. */
  whole: boolean
}

/**
 * Inflates what there is of a deflated dataset (PS3.5 §A.5: RFC 1951, no zlib header). `whole` says that nothing
 * was cut off. Undefined if that makes more than `maxInflatedLength` bytes; a bomb costs no more than those.
 */
export function inflateHead(deflated: Buffer, whole: boolean): Inflated | undefined {
  const finishFlush = whole ? constants.Z_FINISH : constants.Z_SYNC_FLUSH
  try {
    return { bytes: inflateRawSync(deflated, { maxOutputLength: maxInflatedLength, finishFlush }), whole }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ERR_BUFFER_TOO_LARGE') return undefined
    if (whole && code === 'Z_BUF_ERROR') return inflateHead(deflated, false)
    const problem = error instanceof Error ? error.message : String(error)
    throw new DicomError('invalid-value', problem, { field: 'deflated dataset', have: deflated.length })
  }
}
