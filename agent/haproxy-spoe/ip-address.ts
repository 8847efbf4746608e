import { isIPv4, isIPv6, SocketAddress } from 'node:net'

/** Textual form of 4 or 16 bytes, network byte order; IPv6 as RFC 5952 writes it. */
export function formatIp(bytes: Buffer): string {
  if (bytes.length === 4) {
    // several times as fast as bytes.join('.')
    const [a, b, c, d] = bytes
    return `${a}.${b}.${c}.${d}`
  }
  const groups: string[] = []
  for (let offset = 0; offset < 16; offset += 2) groups.push(bytes.readUInt16BE(offset).toString(16))
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address
}

/** The 4 bytes of a dotted IPv4 address. Throws RangeError for anything else. */
export function parseIpv4(text: string): Buffer {
  if (!isIPv4(text)) throw new RangeError(`not an IPv4 address: ${text}`)
  return Buffer.from(text.split('.').map(Number))
}

/** The 16 bytes of an IPv6 address without zone. Throws RangeError for anything else. */
export function parseIpv6(text: string): Buffer {
  if (!isIPv6(text) || text.includes('%')) throw new RangeError(`not an IPv6 address: ${text}`)
  const [before = '', after] = text.split('::')
  const head = groupsOf(before)
  const tail = groupsOf(after ?? '')
  const zeros = Buffer.alloc(16 - head.length - tail.length)
  return Buffer.concat([head, zeros, tail])
}

/** Bytes of colon-separated hexadecimal groups, the last of which may be a dotted IPv4 address. */
function groupsOf(text: string): Buffer {
  if (text === '') return Buffer.alloc(0)
  const parts = text.split(':').map(group => {
    if (group.includes('.')) return parseIpv4(group)
    return Buffer.from(group.padStart(4, '0'), 'hex')
  })
  return Buffer.concat(parts)
}
