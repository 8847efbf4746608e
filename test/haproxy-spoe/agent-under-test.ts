import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import {
  createSpoeServer,
  type ErrorContext,
  type SpoeServer,
  type SpoeServerOptions,
} from '../../agent/haproxy-spoe/index.ts'

export interface AgentUnderTest {
  server: SpoeServer
  address: { host: string; port: number }
  errors: { error: Error; context: ErrorContext }[]
  /** Codes of the errors so far, with the name of the message where there is one. */
  codes(): string[]
}

/** A server on a free port of loopback that collects its errors and is closed at the end of the test. */
export async function startAgent(t: TestContext, options: SpoeServerOptions): Promise<AgentUnderTest> {
  const errors: AgentUnderTest['errors'] = []
  const server = createSpoeServer({
    onError: (error, context) => errors.push({ error, context }),
    ...options,
  })
  const { port }: AddressInfo = await server.listen({ host: '127.0.0.1', port: 0 })
  t.after(() => server.close({ graceMs: 0 }))
  return {
    server,
    address: { host: '127.0.0.1', port },
    errors,
    codes: () =>
      errors.map(({ error, context }) => [codeOf(error), context.message].filter(Boolean).join(' ')),
  }
}

const codeOf = (error: Error & { code?: string; statusCode?: number }) =>
  error.statusCode === undefined ? (error.code ?? error.message) : `${error.code} ${error.statusCode}`
