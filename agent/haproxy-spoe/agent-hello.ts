// AGENT-HELLO, SPOE §3.2.5: a KV-LIST of
//
//   "version"        <STRING>  "2.0"
//   "max-frame-size" <UINT32>  at most HAProxy's
//   "capabilities"   <STRING>  present though empty

import { SpopError, Status } from './errors.ts'
import { FrameType, NO_STREAM, writeFrame } from './frame.ts'
import type { HaproxyHello } from './haproxy-hello.ts'
import { writeTypedData } from './typed-data.ts'
import { uint32 } from './values.ts'
import type { Writer } from './writer.ts'

const VERSION = '2.0'
const SUPPORTED_MAJOR = /^2\.\d+$/

export interface AgentHello {
  maxFrameSize: number
  capabilities: string[]
}

/** What both sides can do. Throws SpopError if HAProxy does not speak version 2. */
export function negotiate(hello: HaproxyHello, maxFrameSize: number): AgentHello {
  if (!hello.supportedVersions.some(version => SUPPORTED_MAJOR.test(version))) {
    const offered = hello.supportedVersions.join(', ')
    const message = `this agent speaks SPOP ${VERSION}, HAProxy only ${offered}`
    throw new SpopError(Status.unsupportedVersion, message, { field: 'supported-versions' })
  }
  return {
    maxFrameSize: Math.min(hello.maxFrameSize, maxFrameSize),
    // Never async or fragmentation: with them an answer could leave on another connection, or in pieces.
    capabilities: hello.capabilities.filter(capability => capability === 'pipelining'),
  }
}

export function writeAgentHello(writer: Writer, { maxFrameSize, capabilities }: AgentHello): void {
  writeFrame(writer, FrameType.agentHello, NO_STREAM, () => {
    writer.string('version')
    writeTypedData(writer, VERSION)
    writer.string('max-frame-size')
    writeTypedData(writer, uint32(maxFrameSize))
    writer.string('capabilities')
    writeTypedData(writer, capabilities.join(','))
  })
}
