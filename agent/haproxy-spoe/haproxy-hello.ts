// HAPROXY-HELLO, SPOE §3.2.4: a KV-LIST of
//
//   "supported-versions" <STRING>   comma-separated "Major.Minor"
//   "max-frame-size"     <UINT32>   at least 256
//   "capabilities"       <STRING>   comma-separated
//   "healthcheck"        <BOOLEAN>  optional
//   "engine-id"          <STRING>   optional

import { SpopError, Status, type StatusCode } from './errors.ts'
import { MIN_MAX_FRAME_SIZE } from './frame.ts'
import { decodeKvList } from './kv-list.ts'
import { booleanOf, bytesOf, integerOf, type TypedData } from './typed-data.ts'

export interface HaproxyHello {
  supportedVersions: string[]
  maxFrameSize: number
  capabilities: string[]
  healthcheck: boolean
  engineId: string | undefined
}

/** Throws SpopError: invalid frame, an item not found, or a max-frame-size out of range. */
export function decodeHaproxyHello(payload: Buffer): HaproxyHello {
  const items = new HelloItems(payload)
  const supportedVersions = list(items.text('supported-versions', Status.versionNotFound))
  const maxFrameSize = items.frameSize()
  const capabilities = list(items.text('capabilities', Status.capabilitiesNotFound))
  return {
    supportedVersions,
    maxFrameSize,
    capabilities,
    healthcheck: items.healthcheck(),
    engineId: items.engineId(),
  }
}

class HelloItems {
  readonly #payload: Buffer
  readonly #items: Map<string, TypedData>

  constructor(payload: Buffer) {
    this.#payload = payload
    this.#items = decodeKvList('HAPROXY-HELLO', payload)
  }

  text(name: string, statusIfMissing: StatusCode): string {
    return this.#required(name, statusIfMissing, 'a string', item => bytesOf(this.#payload, item)?.toString())
  }

  frameSize(): number {
    const size = this.#required('max-frame-size', Status.maxFrameSizeNotFound, 'an integer', integerOf)
    if (size >= MIN_MAX_FRAME_SIZE && size < 2 ** 32) return Number(size)
    throw new SpopError(Status.badMaxFrameSize, `max-frame-size ${size} is too big or too small`, {
      field: 'max-frame-size',
    })
  }

  healthcheck(): boolean {
    const item = this.#items.get('healthcheck')
    return item !== undefined && booleanOf(item) === true
  }

  engineId(): string | undefined {
    const item = this.#items.get('engine-id')
    return item && bytesOf(this.#payload, item)?.toString()
  }

  #required<T>(
    name: string,
    statusIfMissing: StatusCode,
    kind: string,
    read: (item: TypedData) => T | undefined,
  ): T {
    const item = this.#items.get(name)
    if (item === undefined)
      throw new SpopError(statusIfMissing, `HAPROXY-HELLO has no ${name}`, { field: name })
    const value = read(item)
    if (value !== undefined) return value
    throw new SpopError(Status.invalidFrame, `${name} in HAPROXY-HELLO is not ${kind}`, { field: name })
  }
}

function list(text: string): string[] {
  return text.split(',').map(item => item.trim())
}
