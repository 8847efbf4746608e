/** Encodes one text value into the bytes of a character repertoire; throws on a character it does not have. */
export type Encode = (text: string) => Uint8Array

export interface CharacterSet {
  /** Value of Specific Character Set (0008,0005); undefined leaves the attribute out. */
  definedTerm: readonly string[] | undefined
  encode: Encode
}

/** PS3.3 §C.12.1.1.2 names the repertoires, PS3.5 §6.1 says how they are encoded. */
export const characterSets = {
  default: { definedTerm: undefined, encode: singleByte('us-ascii', 0x80) },
  'ISO_IR 100': { definedTerm: ['ISO_IR 100'], encode: singleByte('iso-8859-1', 0xa0) },
  'ISO_IR 101': { definedTerm: ['ISO_IR 101'], encode: singleByte('iso-8859-2', 0xa0) },
  'ISO_IR 144': { definedTerm: ['ISO_IR 144'], encode: singleByte('iso-8859-5', 0xa0) },
  'ISO_IR 192': { definedTerm: ['ISO_IR 192'], encode: text => new TextEncoder().encode(text) },
  '\\ISO 2022 IR 87': { definedTerm: ['', 'ISO 2022 IR 87'], encode: japanese() },
} satisfies Record<string, CharacterSet>

export type CharacterSetName = keyof typeof characterSets

/** ASCII below 80H, and the upper half of the named ISO 8859 part from `firstHigh` on. */
function singleByte(label: string, firstHigh: number): Encode {
  const codes = new Map<string, number>()
  const decoder = new TextDecoder(label)
  for (let code = 0; code < 0x80; code++) codes.set(String.fromCharCode(code), code)
  if (label !== 'us-ascii') {
    for (let code = firstHigh; code < 0x100; code++) codes.set(decoder.decode(Uint8Array.of(code)), code)
  }
  return text => Uint8Array.from(text, character => codeOf(codes, character, label))
}

/**
 * ASCII with code extension to JIS X 0208 (PS3.5 §H.3.1): `ESC $ B` before a run of two-byte characters, and
 * `ESC ( B` after it, so that ASCII is active again before every delimiter and at the end of the value.
 */
function japanese(): Encode {
  const codes = new Map<string, number>()
  const decoder = new TextDecoder('euc-jp')
  for (let row = 0x21; row <= 0x7e; row++) {
    for (let cell = 0x21; cell <= 0x7e; cell++) {
      // EUC-JP is JIS X 0208 with the high bit of both bytes set.
      const character = decoder.decode(Uint8Array.of(row | 0x80, cell | 0x80))
      if (!codes.has(character)) codes.set(character, row * 0x100 + cell)
    }
  }
  return text => {
    const bytes: number[] = []
    for (const run of text.split(/([^\0-\x7f]+)/)) {
      if (/^[\0-\x7f]*$/.test(run)) {
        bytes.push(...Buffer.from(run, 'latin1'))
        continue
      }
      bytes.push(0x1b, 0x24, 0x42)
      for (const character of run) {
        const code = codeOf(codes, character, 'JIS X 0208')
        bytes.push(code >> 8, code & 0xff)
      }
      bytes.push(0x1b, 0x28, 0x42)
    }
    return Uint8Array.from(bytes)
  }
}

function codeOf(codes: Map<string, number>, character: string, repertoire: string): number {
  const code = codes.get(character)
  if (code === undefined) throw new Error(`${repertoire} has no ${JSON.stringify(character)}`)
  return code
}
