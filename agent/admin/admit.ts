import { createHash, timingSafeEqual } from 'node:crypto'
import { BlockList, isIPv6 } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** answered to everyone: it tells nothing that a monitor may not know */
    open?: boolean
  }
}

/** Of a route that is open. */
export const open = { config: { open: true } }

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/**
 * Lets in who has the token. Where there is none, the agent's own machine does in its stead, as for `kill -HUP`: so a
 * first look needs no token, and a port that is bound to a network by mistake tells nothing. The name that was asked for
 * must be that of the machine, too, or any web page could ask by a name of its own that leads here (DNS rebinding).
 */
export function admit(token: string | undefined) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    if (request.routeOptions.config?.open) return undefined
    if (token === undefined) {
      if (isLoopback(request.ip) && isLoopback(request.hostname)) return undefined
      const error =
        'answered on this machine only, at 127.0.0.1: for others, set ADMIN_TOKEN or ADMIN_TOKEN_FILE'
      return reply.code(403).send({ error })
    }
    if (equal(request.headers.authorization ?? '', `Bearer ${token}`)) return undefined
    const error = 'send the token that is in ADMIN_TOKEN: "Authorization: Bearer TOKEN"'
    return reply.code(401).header('www-authenticate', 'Bearer').send({ error })
  }
}

/** An address, or the name in a URL. */
function isLoopback(host: string): boolean {
  if (host === 'localhost') return true
  const address = host.replace(/^\[(.*)\]$/, '$1')
  return loopback.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}

/** In a time that does not tell how much of it was right. */
function equal(given: string, expected: string): boolean {
  const [a, b] = [given, expected].map(text => createHash('sha256').update(text).digest())
  return a !== undefined && b !== undefined && timingSafeEqual(a, b)
}
