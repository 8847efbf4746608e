import { TextDecoder } from 'node:util'

/**
 * Specific Character Set (0008,0005) to Unicode: PS3.3 §C.12.1.1.2, PS3.5 §6.1.2. The tables are ICU's, through
 * TextDecoder; the code extension (ISO 2022 escapes) is done here.
 */
export interface CharacterSet {
  /** `delimiters`: the byte values before which PS3.5 §6.1.2.5.3 returns to the first character set. */
  decode(value: Buffer, delimiters: ReadonlySet<number>): string
}

const esc = 0x1b
const space = 0x20
const controls = [0x09, 0x0a, 0x0c, 0x0d]

/** Delimiters in values of text VRs: control characters and the backslash. */
export const textDelimiters: ReadonlySet<number> = new Set([...controls, 0x5c])
/** In person names also `^` and `=`. */
export const nameDelimiters: ReadonlySet<number> = new Set([...textDelimiters, 0x5e, 0x3d])

/** The set of bytes 80H to FFH (G1) by the number in the defined term; the names are TextDecoder's. */
const upperHalves: Readonly<Record<string, string>> = {
  '13': 'shift_jis',
  '58': 'gbk',
  '100': 'latin1',
  '101': 'iso-8859-2',
  '109': 'iso-8859-3',
  '110': 'iso-8859-4',
  '126': 'iso-8859-7',
  '127': 'iso-8859-6',
  '138': 'iso-8859-8',
  '144': 'iso-8859-5',
  '148': 'iso-8859-9',
  '149': 'euc-kr',
  '166': 'windows-874',
  '203': 'iso-8859-15',
}

/** Character sets that fill the whole of both halves and know no escapes (PS3.3 table C.12-5). */
const wholes: Readonly<Record<string, string>> = {
  'ISO IR 192': 'utf-8',
  GB18030: 'gb18030',
  GBK: 'gbk',
}

/** Terms whose lower half is ASCII and whose upper half is empty until an escape fills it. */
const lowerOnly: ReadonlySet<string> = new Set(['', '6', '87', '159'])

type Half = 'lower' | 'upper'

/** PS3.3 tables C.12-3 and C.12-4: what follows ESC, which half it sets, and to what. */
const escapes: readonly { sequence: string; half: Half; name: string }[] = [
  { sequence: '(B', half: 'lower', name: 'ascii' },
  // JIS X 0201 romaji has yen and overline where ASCII has \ and ~; they are read as ASCII, as \ delimits values.
  { sequence: '(J', half: 'lower', name: 'ascii' },
  { sequence: '$B', half: 'lower', name: 'jis-x-0208' },
  // The older JIS C 6226, which DICOM does not name and Japanese files hold.
  { sequence: '$@', half: 'lower', name: 'jis-x-0208' },
  { sequence: '$(D', half: 'lower', name: 'jis-x-0212' },
  { sequence: ')I', half: 'upper', name: 'shift_jis' },
  { sequence: '-A', half: 'upper', name: 'latin1' },
  { sequence: '-B', half: 'upper', name: 'iso-8859-2' },
  { sequence: '-C', half: 'upper', name: 'iso-8859-3' },
  { sequence: '-D', half: 'upper', name: 'iso-8859-4' },
  { sequence: '-F', half: 'upper', name: 'iso-8859-7' },
  { sequence: '-G', half: 'upper', name: 'iso-8859-6' },
  { sequence: '-H', half: 'upper', name: 'iso-8859-8' },
  { sequence: '-L', half: 'upper', name: 'iso-8859-5' },
  { sequence: '-M', half: 'upper', name: 'iso-8859-9' },
  { sequence: '-T', half: 'upper', name: 'windows-874' },
  { sequence: '-b', half: 'upper', name: 'iso-8859-15' },
  { sequence: '$)C', half: 'upper', name: 'euc-kr' },
  { sequence: '$)A', half: 'upper', name: 'gbk' },
]

/** No Specific Character Set: ASCII, and Latin-1 for the bytes that should not be there, as most senders mean it. */
export const defaultCharacterSet: CharacterSet = codeExtension(undefined)

/**
 * The character set of a dataset with these defined terms. A first term that is not known leaves ASCII, with
 * U+FFFD for everything else: a wrong letter could match a rule.
 */
export function characterSet(terms: readonly string[]): CharacterSet {
  const [first = '', ...others] = terms.map(normalize)
  for (const term of [first, ...others]) {
    const whole = wholes[term]
    if (whole) return { decode: value => decodeWith(whole, value) }
  }
  const number = first.replace('ISO 2022 IR ', '').replace('ISO IR ', '')
  if (lowerOnly.has(number)) return defaultCharacterSet
  return codeExtension(upperHalves[number] ?? 'unknown')
}

/** ISO_IR 100, ISO-IR 100 and iso ir_100 are one term: writers differ. */
function normalize(term: string): string {
  return term.replaceAll('_', ' ').replaceAll('-', ' ').trim().toUpperCase()
}

/** `firstUpper` is the upper half before any escape and after each delimiter; undefined: what was there stays. */
function codeExtension(firstUpper: string | undefined): CharacterSet {
  return {
    decode(value, delimiters) {
      if (value.indexOf(esc) === -1) return decodeHalves(value, 'ascii', firstUpper)
      let text = ''
      let lower = 'ascii'
      let upper = firstUpper
      let start = 0
      let at = 0
      while (at < value.length) {
        const byte = value[at] ?? 0
        if (byte === esc) {
          text += decodeHalves(value.subarray(start, at), lower, upper)
          const designated = escapeAt(value, at + 1)
          if (designated?.half === 'lower') lower = designated.name
          if (designated?.half === 'upper') upper = designated.name
          at += 1 + (designated?.sequence.length ?? 0)
          start = at
          // In a pair of JIS X 0208 or 0212 a byte may look like a delimiter; control characters are never in one.
        } else if (delimiters.has(byte) && (lower === 'ascii' || byte < space)) {
          text += decodeHalves(value.subarray(start, at), lower, upper)
          lower = 'ascii'
          upper = firstUpper ?? upper
          start = at++
        } else {
          at++
        }
      }
      return text + decodeHalves(value.subarray(start), lower, upper)
    },
  }
}

function escapeAt(value: Buffer, at: number) {
  return escapes.find(({ sequence }) => value.toString('latin1', at, at + sequence.length) === sequence)
}

/** Decodes runs of bytes below 80H by the lower half, and from 80H on by the upper. */
function decodeHalves(value: Buffer, lower: string, upper: string | undefined): string {
  let text = ''
  let start = 0
  while (start < value.length) {
    const isUpper = (value[start] ?? 0) >= 0x80
    let end = start + 1
    while (end < value.length && (value[end] ?? 0) >= 0x80 === isUpper) end++
    const run = value.subarray(start, end)
    text += isUpper ? decodeWith(upper ?? 'latin1', run) : decodeLower(lower, run)
    start = end
  }
  return text
}

function decodeLower(name: string, run: Buffer): string {
  if (name === 'ascii') return run.toString('latin1')
  // EUC-JP is the same pairs with the high bits set, after 8FH for JIS X 0212.
  const bytes: number[] = []
  for (let at = 0; at < run.length; at++) {
    const byte = run[at] ?? 0
    if (byte <= space) {
      bytes.push(byte)
      continue
    }
    if (name === 'jis-x-0212') bytes.push(0x8f)
    bytes.push(byte | 0x80)
    const second = run[++at]
    if (second !== undefined) bytes.push(second | 0x80)
  }
  return decodeWith('euc-jp', Buffer.from(bytes))
}

const decoders = new Map<string, TextDecoder>()

function decodeWith(name: string, value: Buffer): string {
  if (name === 'latin1') return value.toString('latin1')
  if (name === 'unknown') return '\ufffd'.repeat(value.length)
  let decoder = decoders.get(name)
  if (!decoder) {
    decoder = new TextDecoder(name)
    decoders.set(name, decoder)
  }
  return decoder.decode(value)
}
