import { type KvPair, textAt } from './kv-list.ts'
import {
  booleanOf,
  bytesOf,
  integerOf,
  ipOf,
  type NaturalValue,
  naturalValueOf,
  Type,
  type TypedData,
} from './typed-data.ts'

/**
 * Arguments of a message, decoded when asked for. Every getter returns undefined for a name that is missing, for a
 * value that HAProxy could not compute (null), and for a value of another type than the getter's. Of several
 * arguments of one name, the first counts. Names are ASCII, as in HAProxy's configuration.
 */
export class Args {
  readonly #payload: Buffer
  readonly #pairs: KvPair[]

  constructor(payload: Buffer, pairs: KvPair[]) {
    this.#payload = payload
    this.#pairs = pairs
  }

  /** Names in the order of HAProxy's configuration; an argument without a name has the empty one. */
  names(): string[] {
    return this.#pairs.map(({ name }) => textAt(this.#payload, name))
  }

  /** A string or binary as a view of the frame, without a copy; valid for as long as it is kept. */
  bytes(name: string): Buffer | undefined {
    const data = this.#find(name)
    return data && bytesOf(this.#payload, data)
  }

  /** A string, decoded as UTF-8. */
  string(name: string): string | undefined {
    const data = this.#find(name)
    return data?.type === Type.string ? bytesOf(this.#payload, data)?.toString() : undefined
  }

  /** An integer of any of the four types; undefined beyond ±(2^53 - 1), where `get` has it as a bigint. */
  integer(name: string): number | undefined {
    const data = this.#find(name)
    const value = data && integerOf(data)
    return typeof value === 'number' ? value : undefined
  }

  boolean(name: string): boolean | undefined {
    const data = this.#find(name)
    return data && booleanOf(data)
  }

  /** An IPv4 or IPv6 address as text. */
  ip(name: string): string | undefined {
    const data = this.#find(name)
    return data && ipOf(this.#payload, data)
  }

  /** A value of any type: string, Buffer (binary), boolean, text (address), number, or bigint beyond ±(2^53 - 1). */
  get(name: string): NaturalValue | undefined {
    const data = this.#find(name)
    return data && naturalValueOf(this.#payload, data)
  }

  #find(name: string): TypedData | undefined {
    for (const pair of this.#pairs) {
      if (this.#isNamed(pair, name)) return pair.value
    }
    return undefined
  }

  #isNamed({ name: { start, length } }: KvPair, name: string): boolean {
    if (length !== name.length) return false
    for (let index = 0; index < length; index++) {
      if (this.#payload[start + index] !== name.charCodeAt(index)) return false
    }
    return true
  }
}
