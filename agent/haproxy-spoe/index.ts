export { type Action, type Scope, type SetVar, setVar, type UnsetVar, unsetVar } from './actions.ts'
export type { Args } from './args.ts'
export type { FrameListener } from './connection.ts'
export type { ErrorContext, Handler, SpoeMessage } from './dispatch.ts'
export { SpoeError, type SpoeErrorCode, SpopError, Status, type StatusCode } from './errors.ts'
export type { FrameName } from './frame.ts'
export { DEFAULT_LIMITS, type Limits } from './limits.ts'
export { createSpoeServer, type SpoeServer, type SpoeServerOptions } from './server.ts'
export type { NaturalValue } from './typed-data.ts'
export {
  int32,
  int64,
  ipv4,
  ipv6,
  type TypedAddress,
  type TypedInteger,
  uint32,
  uint64,
  type Value,
} from './values.ts'
