import { z } from 'zod'
import { allKeywords, rejectReasons, transferSyntaxes } from '../dicom/index.ts'
import {
  defaultSource,
  mixedSource,
  poolSource,
  ruleFile,
  ruleSource,
  testSource,
  undecidedSource,
} from './schema.ts'
import { factNames } from './tests.ts'

type Json = z.core.JSONSchema.BaseSchema
type Properties = Record<string, Json>

/** The JSON Schema (draft 7, which editors know best) of a rule file, made of the schemas that agents read them with. */
export function rulesSchema(): string {
  const rule = withOutcome(schemaOf(ruleSource))
  const pool = schemaOf(poolSource)
  const syntaxes = { ...propertiesOf(pool).transferSyntaxes, items: transferSyntax }
  const test = schemaOf(testSource)
  const file = schemaOf(ruleFile)
  const conditions = withKeys(propertiesOf(rule).when)
  const given = withKeys(propertiesOf(test).given)
  // a map there is an outcome, never weights
  const shortDefault = { anyOf: formsOf(propertiesOf(rule).route).filter(({ type }) => type !== 'object') }
  return JSON.stringify(
    {
      $schema: 'http://json-schema.org/draft-07/schema#',
      title: 'Rule file of the DICOM load balancer',
      ...described(file, {
        pools: { type: 'object', additionalProperties: described(pool, { transferSyntaxes: syntaxes }) },
        rules: { type: 'array', items: described(rule, { when: conditions }) },
        default: { anyOf: [shortDefault, described(withOutcome(schemaOf(defaultSource)), {})] },
        mixed: schemaOf(mixedSource),
        undecided: schemaOf(undecidedSource),
        tests: { type: 'array', items: described(test, { given }) },
      }),
      definitions: { keys: keys() },
    },
    undefined,
    1,
  )
}

function schemaOf(schema: z.ZodType): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    io: 'input',
    target: 'draft-7',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      // what is written alone stands for a list of one
      const isPreprocessed = zodSchema._zod.def.type === 'pipe'
      if (isPreprocessed && jsonSchema.type === 'array') {
        const list = { ...jsonSchema }
        for (const key of Object.keys(jsonSchema)) delete jsonSchema[key]
        jsonSchema.anyOf = [list.items as Json, list]
      }
      // only regular expressions with the flag u know \P
      if (jsonSchema.pattern?.includes('\\P')) delete jsonSchema.pattern
      const patterns = jsonSchema.allOf?.filter(({ pattern }) => !pattern?.includes('\\P'))
      if (patterns) jsonSchema.allOf = patterns
    },
  })
  return json as Json
}

function propertiesOf(schema: Json): Properties {
  return (schema.properties ?? {}) as Properties
}

/** The schema with other `properties`, each with its description. */
function described(schema: Json, properties: Properties): Json {
  const all = { ...propertiesOf(schema), ...properties }
  const withTexts = Object.entries(all).map(([key, json]) => [
    key,
    { description: descriptions[key], ...json },
  ])
  return { ...schema, properties: Object.fromEntries(withTexts) }
}

/** What zod has no words for: the reasons, and that there is one of route and reject. */
function withOutcome(schema: Json): Json {
  const reason = { enum: Object.keys(rejectReasons) }
  const forms = formsOf(propertiesOf(schema).reject).filter(({ type }) => type === 'object')
  const reject = { anyOf: [reason, ...forms.map(form => described(form, { reason }))] }
  const oneOf = [{ required: ['route'] }, { required: ['reject'] }]
  return { ...schema, properties: { ...propertiesOf(schema), reject }, oneOf }
}

function formsOf(schema: Json | undefined): Json[] {
  return (schema?.anyOf ?? []) as Json[]
}

const transferSyntax: Json = {
  anyOf: [{ enum: Object.values(transferSyntaxes) }, { type: 'string', pattern: '^\\d+(\\.\\d+)+$' }],
}

/** A map of conditions or values, with the keys that there are. */
function withKeys(map: Json = {}): Json {
  const { propertyNames: _, default: _none, ...rest } = map
  return { ...rest, allOf: [{ $ref: '#/definitions/keys' }] }
}

function keys(): Json {
  const facts = factNames.map(name => [name, { description: descriptions[name] }])
  const keywords = allKeywords()
    .sort()
    .map(keyword => [keyword, {}])
  return {
    properties: Object.fromEntries([...facts, ...keywords]),
    // by tag, and within sequences
    patternProperties: { '^\\(': {}, '\\.': {} },
    additionalProperties: false,
  }
}

const descriptions: Readonly<Record<string, string>> = {
  pools: 'What the PACS nodes of each pool accept, by the name of the backend in haproxy/pacs.cfg',
  rules: 'The first rule that matches decides. The files of a folder are read in the order of their names',
  default: 'What no rule matches: a pool, { route: POOL } or { reject: REASON }. Without it, that is refused',
  tests: 'Given facts and attributes, and what is expected then. Rules whose own tests fail are not loaded',
  mixed: 'What becomes of a later instance of an association that belongs to another pool',
  undecided: 'Where a dataset goes whose head does not decide: a pool, or refuse',
  reason: 'The reason of the refusal',
  transient: 'Whether clients are to try again',
  sopClasses: 'What the nodes accept, by name in PS3.6 or by UID. Without it, any',
  name: 'The name in logs and messages. Both show it, so keep patients out of it',
  when: 'Conditions, all of which must be true; none means always. A value, or a list of which one must match; * stands for any characters, ? for one',
  route:
    'A backend of haproxy/pacs.cfg; a list, of which the first that has a live server; or a map of pools and weights',
  reject:
    'The reason of the refusal. By the association alone it is an A-ASSOCIATE-RJ, by the dataset an A-ABORT',
  stick: 'A fact or attribute, or a list of them: the same values go to the same node of the pool',
  given: 'Facts of the association and attributes of its first dataset. What is not given is not there',
  expect: 'What the rules are to do then: all that is said here must be so',
  rule: 'The name of the rule that decides',
  path: 'direct: the association alone decides. delayed: the first dataset has to be there',
  calledAE: 'The called AE title',
  callingAE: 'The calling AE title',
  source: "The client's address, or in conditions also a network: 10.1.2.3, 10.1.0.0/16, 2001:db8::/32",
  sopClass: 'A SOP class that the client proposes, by UID or by its name in PS3.6',
  transferSyntaxes: 'What the nodes accept, by name in PS3.6 or by UID',
  maxPduLength: 'In bytes; 0 is unlimited',
}
