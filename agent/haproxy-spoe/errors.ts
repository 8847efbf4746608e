// Every error this library makes. Codes are stable; the README lists them all.

const MAX_TOLD = 200

/** Status codes of DISCONNECT frames, SPOE §3.5. */
export const Status = {
  normal: 0,
  ioError: 1,
  timeout: 2,
  frameTooBig: 3,
  invalidFrame: 4,
  versionNotFound: 5,
  maxFrameSizeNotFound: 6,
  capabilitiesNotFound: 7,
  unsupportedVersion: 8,
  badMaxFrameSize: 9,
  fragmentationNotSupported: 10,
  interlacedFrames: 11,
  frameIdNotFound: 12,
  resourceAllocation: 13,
  unknown: 99,
} as const

/** One of the status codes of SPOE §3.5. */
export type StatusCode = (typeof Status)[keyof typeof Status]

/** Which bytes were wrong: offsets and lengths in bytes, counted from the start of the frame's payload. */
export interface ErrorPlace {
  field: string
  offset?: number
  need?: number
  have?: number
}

/**
 * HAProxy sent something that this agent cannot accept, or said so about us. Inside the server it ends the
 * connection with an AGENT-DISCONNECT that carries `statusCode` and `message`.
 */
export class SpopError extends Error {
  override readonly name = 'SpopError'
  readonly code = 'SPOP_PROTOCOL'
  readonly statusCode: number
  readonly place: ErrorPlace | undefined

  constructor(statusCode: number, message: string, place?: ErrorPlace, options?: ErrorOptions) {
    super(brief(message), options)
    this.statusCode = statusCode
    this.place = place
  }
}

/** What is told of text that the peer has sent, of which a frame may hold 64 KB. */
export function brief(text: string): string {
  return text.length > MAX_TOLD ? `${text.slice(0, MAX_TOLD)}...` : text
}

/** What can go wrong on the agent's side of a connection that goes on. */
export type SpoeErrorCode =
  | 'SPOE_NO_HANDLER'
  | 'SPOE_HANDLER_FAILED'
  | 'SPOE_HANDLER_TIMEOUT'
  | 'SPOE_INVALID_ACTIONS'
  | 'SPOE_ACK_TOO_BIG'

export class SpoeError extends Error {
  override readonly name = 'SpoeError'
  readonly code: SpoeErrorCode

  constructor(code: SpoeErrorCode, message: string, options?: ErrorOptions) {
    super(brief(message), options)
    this.code = code
  }
}

/** `decode()`, with whatever binary-parser throws on malformed bytes turned into an invalid-frame SpopError. */
export function decoding<T>(field: string, bytes: Buffer, decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    if (error instanceof SpopError) throw error
    const reason = error instanceof RangeError ? 'it ends inside a field' : String(error)
    const place = { field, offset: bytes.length, have: bytes.length }
    throw new SpopError(Status.invalidFrame, `malformed ${field}: ${reason}`, place, { cause: error })
  }
}
