import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { DicomError } from '../dicom/index.ts'
import { type DicomFile, dicomFile, factsOfFile, headOfFile } from '../dicom-file.ts'
import { explain as explainRules } from '../routing/explain.ts'
import { type Given, lookUpGiven, readGiven } from '../routing/given.ts'
import { stickKey } from '../steps/answer.ts'
import * as schema from './schemas.ts'
import type { AgentState } from './server.ts'

/** Bytes of a file that are read, though only its beginning is kept. */
export const FILE_LIMIT = 256 * 1024 * 1024

type Scalar = string | number
type Facts = Readonly<Record<string, Scalar | readonly Scalar[]>>

/** `POST /explain`: what the rules that serve say of facts (JSON), or of a file if it were sent (DICOM), and why. */
export function explain(app: FastifyInstance, agent: Readonly<AgentState>): void {
  app.addContentTypeParser('application/dicom', (_: unknown, body: IncomingMessage) => readFile(body))
  app.removeContentTypeParser('text/plain')
  // so that the message says more than that the type is not supported
  app.addContentTypeParser('*', async () => {
    throw refused(
      415,
      'send facts as "Content-Type: application/json", or a file as "Content-Type: application/dicom"',
    )
  })

  app.post<{ Body: DicomFile | Facts; Querystring: Facts }>(
    '/explain',
    { schema: schema.explain },
    ({ body, query, headers }) => {
      const { ruleSet } = agent.rules.serving
      const isFile = headers['content-type']?.startsWith('application/dicom')
      const given = readFacts(isFile ? query : { ...query, ...(body as Facts) })
      const association = { ...given.association, at: given.association.at ?? Date.now() }
      const facts = isFile
        ? factsOfFile(body as DicomFile, ruleSet, association)
        : { association, dataset: lookUpGiven(given, ruleSet) }
      const explanation = explainRules(ruleSet, facts.association, facts.dataset)
      return { ...explanation, key: stickKey(agent, explanation.stick ?? []) }
    },
  )
}

function readFacts(facts: Facts): Given {
  const problems: string[] = []
  const listed = Object.entries(facts).map(([key, value]) => [key, [value].flat().map(String)])
  const given = readGiven(Object.fromEntries(listed), ([key], message) =>
    problems.push(`${String(key)}: ${message}`),
  )
  if (problems.length > 0) throw refused(400, problems.join('; '))
  return given
}

/** Reads all of it, or the client would not see the answer; but what rules do not look at is not kept. */
async function readFile(body: IncomingMessage): Promise<DicomFile> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body.iterator({ destroyOnReturn: false })) {
    if (size < headOfFile) chunks.push(chunk)
    size += chunk.length
    if (size > FILE_LIMIT) {
      throw refused(413, `more than ${FILE_LIMIT} bytes: its beginning is enough, \`head -c ${headOfFile}\``)
    }
  }
  try {
    return dicomFile(Buffer.concat(chunks).subarray(0, headOfFile), size)
  } catch (error) {
    if (error instanceof DicomError) throw refused(400, error.message)
    throw error
  }
}

function refused(statusCode: number, message: string): Error {
  return Object.assign(new Error(message), { statusCode })
}
