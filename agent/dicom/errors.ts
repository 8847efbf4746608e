/**
 * Every way in which bytes or titles can fail to be DICOM, by stable code.
 *
 * - `truncated`: fewer bytes than the field needs, inside a structure that was said to be whole
 * - `overrun`: an item declares a length that reaches past the item it lies in
 * - `trailing-bytes`: bytes are left over where the structure has a fixed length
 * - `missing-item`: an item that the standard requires is not there
 * - `duplicate-item`: an item that may stand once stands twice
 * - `invalid-value`: the bytes are there, and are not a value of that field
 * - `unexpected-pdu`: a PDU of another type than the one that must come here
 * - `too-large`: over a cap of ours, or more than the field's length can say
 * - `too-deep`: sequences nested beyond the cap
 */
export type DicomErrorCode =
  | 'truncated'
  | 'overrun'
  | 'trailing-bytes'
  | 'missing-item'
  | 'duplicate-item'
  | 'invalid-value'
  | 'unexpected-pdu'
  | 'too-large'
  | 'too-deep'

export interface DicomErrorPlace {
  /** What was being read or written, in the standard's words. */
  field: string
  /** Bytes from the start of the buffer handed in; 0 when encoding. */
  offset?: number
  /** Bytes the field needs, or the cap that it broke. */
  need?: number
  /** Bytes that are there. */
  have?: number
}

export class DicomError extends Error {
  readonly code: DicomErrorCode
  readonly field: string
  readonly offset: number
  readonly need: number
  readonly have: number

  constructor(code: DicomErrorCode, problem: string, place: DicomErrorPlace) {
    const { field, offset = 0, need = 0, have = 0 } = place
    super(`${field}: ${problem} (at offset ${offset})`)
    this.name = 'DicomError'
    this.code = code
    this.field = field
    this.offset = offset
    this.need = need
    this.have = have
  }
}

/** A tag path that cannot be read, with the keywords that may have been meant, closest first. */
export class TagPathError extends Error {
  readonly code = 'tag-path'
  readonly text: string
  /** Characters from the start of the text to the step that is wrong. */
  readonly offset: number
  readonly suggestions: readonly string[]

  constructor(text: string, offset: number, problem: string, suggestions: readonly string[] = []) {
    const hint = suggestions.length > 0 ? `; did you mean ${suggestions.join(', ')}?` : ''
    super(`${problem}${hint}`)
    this.name = 'TagPathError'
    this.text = text
    this.offset = offset
    this.suggestions = suggestions
  }
}
