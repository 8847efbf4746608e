// What the routes take and give, as /openapi.json tells it.

const text = { type: 'string' } as const
const texts = { type: 'array', items: text } as const
const flag = { type: 'boolean' } as const
const count = { type: 'integer', minimum: 0 } as const
const moment = { type: 'string', format: 'date-time' } as const
const hash = {
  type: 'string',
  description: 'of the rule files; agents with the same one decide alike',
} as const
const truth = { enum: [true, false, 'unknown'] } as const

/** An object of which the properties that are not `optional` are always there. */
function object<P extends Record<string, object>>(properties: P, optional: readonly (keyof P)[] = []) {
  const required = Object.keys(properties).filter(name => !optional.includes(name))
  return { type: 'object', properties, required, additionalProperties: false } as const
}

const list = (items: object) => ({ type: 'array', items }) as const
const json = (description: string, schema: object) => ({
  description,
  content: { 'application/json': { schema } },
})
const plain = (description: string) => ({ description, content: { 'text/plain': { schema: text } } })
const failed = (description: string) => json(description, object({ error: text }))

const everyone = { tags: ['health and metrics'], security: [] }
/** Of the routes that not everyone may use. */
const refused = {
  401: failed('the token is missing, or another one'),
  403: failed('no token is set, and this is another machine'),
}

export const livez = {
  ...everyone,
  summary: 'Whether the process answers',
  response: { 200: json('it does', object({ status: text })) },
}

const ready = object(
  {
    status: { enum: ['starting', 'serving', 'stopping'] },
    rules: object({ hash, count, loadedAt: moment }),
    lastReload: object({ trigger: text, at: moment, hash, ok: flag, problems: texts }, ['problems']),
    gateway: {
      type: 'string',
      description:
        'the address that all clients seem to have: a container gateway, so rules on source are blind',
    },
  },
  ['gateway'],
)

export const readyz = {
  ...everyone,
  summary: 'Whether HAProxy gets answers, by which rules, and how their last reload went',
  response: { 200: json('it does', ready), 503: json('not yet, or no more', ready) },
}

export const metrics = {
  ...everyone,
  summary: 'Metrics for Prometheus',
  response: { 200: plain('docs/metrics.md lists them') },
}

const route = object({ pools: texts, weights: list({ type: 'number' }) }, ['weights'])
const reject = object({ reason: text, transient: flag }, ['transient'])
const outcome = { route, mixed: text, stick: flag, reject }
const hits = object({
  decided: { ...count, description: 'questions that it decided' },
  waited: { ...count, description: 'associations that it could not decide without the dataset' },
})

export const rules = {
  summary: 'The rules that serve, in the order in which they are tried, and how often each has decided',
  response: {
    200: json(
      'since this agent was started; a rule that was gone meanwhile begins anew',
      object(
        {
          hash,
          loadedAt: moment,
          problems: {
            ...list(object({ text, excerpt: text }, ['excerpt'])),
            description: 'with the files as they are now; the rules here serve all the same',
          },
          rules: list(
            object(
              { name: text, description: text, file: text, line: count, when: texts, ...outcome, hits },
              ['description', ...(Object.keys(outcome) as (keyof typeof outcome)[])],
            ),
          ),
          undecided: object({ route, mixed: text, stick: flag, hits }),
        },
        ['undecided'],
      ),
    ),
    ...refused,
  },
}

export const pools = {
  summary: 'The pools that the rules lead to, and whether they are live',
  response: {
    200: json(
      'as HAProxy said with its latest question, if it has asked anything yet',
      object(
        {
          heardAt: moment,
          pools: list(
            object(
              {
                name: text,
                live: {
                  ...flag,
                  description: 'has a server that is up; false of a pool that HAProxy does not have',
                },
                rules: { ...texts, description: 'that lead there' },
              },
              ['live'],
            ),
          ),
        },
        ['heardAt'],
      ),
    ),
    ...refused,
  },
}

const facts = {
  type: 'object',
  additionalProperties: { type: ['string', 'number', 'array'], items: { type: ['string', 'number'] } },
  description:
    'facts of the association and attributes of its first dataset, as in `given:` of a test in a rule file',
  examples: [{ callingAE: 'CT_1', source: '10.1.2.3', Modality: 'CT', PatientID: 'P1' }],
} as const

const found = object({ name: text, state: text, values: texts }, ['values'])
const explainedRule = object({
  rule: text,
  file: text,
  line: count,
  truth,
  conditions: list(object({ text, truth, found: list(found) })),
})

export const explain = {
  summary: 'Where an association and its first dataset would go, and why',
  description: `Facts as JSON; or a DICOM file, which is read as an agent reads it, with the sender in the query. It is \
tried on the rules that serve, with all nodes up, and leaves no trace. The answer holds values of what was sent.`,
  consumes: ['application/json', 'application/dicom'],
  querystring: object({ callingAE: text, calledAE: text, source: text, time: text }, [
    'callingAE',
    'calledAE',
    'source',
    'time',
  ]),
  body: {
    content: {
      'application/json': { schema: facts },
      'application/dicom': { schema: { description: 'a file of PS3.10, as it is' } },
    },
  },
  response: {
    200: json(
      'what the rules say',
      object(
        {
          path: { enum: ['direct', 'delayed'] },
          rule: { ...text, description: 'the one that decides; absent where none matches' },
          route: { ...text, description: 'the pool' },
          pools: { ...texts, description: 'all that the rule leads to, if there are several' },
          mixed: text,
          stick: { ...texts, description: 'the values that keep associations together' },
          key: { ...text, description: 'what HAProxy chooses the node by: a keyed hash of these' },
          reject: { ...text, description: 'the reason, instead of route' },
          transient: flag,
          waitedFor: { ...text, description: 'the first rule that needs the dataset' },
          rules: { ...list(explainedRule), description: 'all up to the one that decides' },
        },
        ['rule', 'route', 'pools', 'mixed', 'stick', 'key', 'reject', 'transient', 'waitedFor'],
      ),
    ),
    400: failed('what is wrong with the facts, or the file'),
    413: failed('too large'),
    415: failed('neither JSON nor DICOM'),
    ...refused,
  },
}

export const reload = {
  summary: 'Load the rule files as they are now',
  response: {
    200: plain('the hash of the rules that serve now'),
    422: plain('all that is wrong with the files, a line each; the rules before still serve'),
    ...refused,
  },
}

const decision = {
  ...object(
    {
      time: { ...count, description: 'milliseconds since 1970 UTC, as in the log' },
      step: { enum: ['associate', 'dataset', 'instance'] },
      id: { ...text, description: 'of the association, as in the log of HAProxy' },
      source: text,
    },
    ['id'],
  ),
  // and what else the agent's log line has
  additionalProperties: { type: ['string', 'number'] },
} as const

export const decisions = {
  summary: 'The latest decisions of this agent, the oldest first',
  description: 'As server-sent events, these and all that come, if the request accepts text/event-stream.',
  response: {
    200: {
      description: 'what the log says of them',
      content: {
        'application/json': { schema: object({ decisions: list(decision) }) },
        'text/event-stream': { schema: text },
      },
    },
    503: failed('too many are listening'),
    ...refused,
  },
}
