import { BlockList, isIP } from 'node:net'
import type { Matcher } from './pattern.ts'

/** Whether `text` is an IPv4 or IPv6 address without zone, or a network in CIDR form (10.1.0.0/16, 2001:db8::/32). */
export function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/')
  const version = isIP(address)
  if (version === 0 || address.includes('%') || rest.length > 0) return false
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128))
}

/**
 * Matches an address that lies in any of `networks`, each of which `isNetwork`. An IPv4 address and the IPv6 address
 * that it is mapped to (::ffff:10.1.2.3) are the same, so ::/0 holds both kinds and 0.0.0.0/0 only the first.
 */
export function inNetworks(networks: readonly string[]): Matcher {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', prefix] = network.split('/')
    if (prefix === undefined) list.addAddress(address, family(address))
    else list.addSubnet(address, Number(prefix), family(address))
  }
  return source => isIP(source) !== 0 && list.check(source, family(source))
}

/** Whether all of `network` lies within one of `networks`. */
export function isWithin(network: string, networks: readonly string[]): boolean {
  const [address = '', prefix] = network.split('/')
  const ownPrefix = Number(prefix ?? Number.POSITIVE_INFINITY)
  return networks.some(wide => {
    const [wideAddress = '', widePrefix] = wide.split('/')
    if (network === wide) return true
    if (prefix !== undefined && isIP(wideAddress) !== isIP(address)) return false
    return ownPrefix >= Number(widePrefix ?? Number.POSITIVE_INFINITY) && inNetworks([wide])(address)
  })
}

function family(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4'
}
