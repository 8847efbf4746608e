import { isIP, isIPv4 } from 'node:net'
import { type Matcher, needing } from './pattern.ts'
import { remembered } from './remembered.ts'

/** Whether `text` is an IPv4 or IPv6 address without zone, or a network in CIDR form (10.1.0.0/16, 2001:db8::/32). */
export function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/')
  const version = isIP(address)
  if (version === 0 || address.includes('%') || rest.length > 0) return false
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128))
}

/**
 * Matches an address, or all of a network, that lies in one of `networks`, each of which `isNetwork`. An IPv4 address and the IPv6 address
 * that it is mapped to (::ffff:10.1.2.3) are the same, so ::/0 holds both kinds and 0.0.0.0/0 only the first.
 */
export function inNetworks(networks: readonly string[]): Matcher {
  const beginnings = networks.map(bitsOf)
  const matches = (source: string) => {
    const bits = bitsOf(source)
    return beginnings.some(beginning => bits.startsWith(beginning))
  }
  return Object.assign(matches, { needs: needing(bitsOf, [], beginnings) })
}

/**
 * A letter and the bits of an IPv6 address, or those that all of a network have in common: one lies within another where
 * its text begins with that of the other. '' for what is neither.
 */
const bitsOf = remembered(text => {
  const [written = '', prefix] = text.split('/')
  const address = written.replace(/%.*/, '')
  if (isIP(address) === 0) return ''
  const isMapped = isIPv4(address)
  const [front = '', back] = (isMapped ? `::ffff:${address}` : address).split('::').map(wordsOf)
  const words = back === undefined ? front : front.padEnd(128 - back.length, '0') + back
  return `b${words.slice(0, prefix === undefined ? 128 : Number(prefix) + (isMapped ? 96 : 0))}`
})

/** The bits of words in hexadecimal, or of the decimal bytes of an IPv4 address at their end. */
function wordsOf(text: string): string {
  const parts = text.split(':').filter(part => part !== '')
  const binary = (number: number, digits: number) => number.toString(2).padStart(digits, '0')
  return parts
    .map(part =>
      part.includes('.')
        ? part
            .split('.')
            .map(byte => binary(Number(byte), 8))
            .join('')
        : binary(Number.parseInt(part, 16), 16),
    )
    .join('')
}
