import { readdirSync, readFileSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'
import { open } from './admit.ts'

const folder = new URL('console/', import.meta.url)
const types = { html: 'text/html', css: 'text/css', js: 'text/javascript' }

const headers = {
  // its own files and this agent, and nothing else: not even a script in an AE title or a rule's name
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
}

/** The console, a page for people. It is for everyone, and tells nothing: what it shows it asks for with their token. */
export function consolePage(app: FastifyInstance): void {
  for (const name of readdirSync(folder)) {
    const content = readFileSync(new URL(name, folder))
    const type = types[name.split('.').at(-1) as keyof typeof types]
    app.get(name === 'index.html' ? '/' : `/${name}`, { ...open, schema: { hide: true } }, (_, reply) => {
      reply.headers(headers).type(`${type}; charset=utf-8`).send(content)
    })
  }
}
