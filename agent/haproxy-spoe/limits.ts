import { MIN_MAX_FRAME_SIZE } from './frame.ts'

/** What one HAProxy connection may cost. Sizes in bytes, times in milliseconds. */
export interface Limits {
  /** Largest frame offered in the negotiation, without its length field; HAProxy's own limit may be lower. */
  maxFrameSize: number
  /** Messages in one NOTIFY; more end the connection with status 13. */
  maxMessages: number
  /** Arguments of one message; more end the connection with status 13. */
  maxArgs: number
  /** NOTIFYs being answered on one connection; reading pauses at the limit. */
  maxInFlight: number
  /** From accepting a connection to its HAPROXY-HELLO; then it ends with status 2. */
  helloTimeoutMs: number
  /** For an asynchronous handler. Keep it below `timeout processing` of the spoe-agent section. */
  handlerTimeoutMs: number
}

export const DEFAULT_LIMITS: Limits = {
  maxFrameSize: 65532,
  maxMessages: 64,
  maxArgs: 128,
  maxInFlight: 256,
  helloTimeoutMs: 5000,
  handlerTimeoutMs: 1000,
}

/** The limits given, the others by default. Throws RangeError for one that is no positive integer. */
export function limitsFrom(given: Partial<Limits>): Limits {
  const limits = { ...DEFAULT_LIMITS }
  for (const name of Object.keys(limits) as (keyof Limits)[]) {
    limits[name] = given[name] ?? limits[name]
    const least = name === 'maxFrameSize' ? MIN_MAX_FRAME_SIZE : 1
    if (!Number.isInteger(limits[name]) || limits[name] < least || limits[name] >= 2 ** 31) {
      throw new RangeError(`${name} must be an integer from ${least} to 2147483647, not ${limits[name]}`)
    }
  }
  return limits
}
