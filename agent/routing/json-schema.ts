import { z } from 'zod'
import { allKeywords, rejectReasons, transferSyntaxes } from '../dicom/index.ts'
import { factNames } from './given.ts'
import {
  combinations,
  defaultSource,
  mixedSource,
  poolSource,
  ruleFile,
  ruleSource,
  testSource,
  undecidedSource,
} from './schema.ts'
import { descriptions } from './schema-descriptions.ts'

type Json = z.core.JSONSchema.BaseSchema
type Properties = Record<string, Json>

/** The JSON Schema (draft 7, which editors know best) of a rule file, made of the schemas that agents read them with. */
export function rulesSchema(): string {
  const { definitions, ...rule } = withOutcome(schemaOf(ruleSource))
  const properties: Properties = {
    pools: { type: 'object', additionalProperties: withSyntaxes(schemaOf(poolSource)) },
    rules: { type: 'array', items: rule },
    default: { anyOf: [shortDefault(rule), withOutcome(schemaOf(defaultSource))] },
    mixed: schemaOf(mixedSource),
    undecided: schemaOf(undecidedSource),
    tests: { type: 'array', items: withGiven(schemaOf(testSource)) },
  }
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Rule file of the DICOM load balancer',
    ...withProperties(schemaOf(ruleFile), properties),
    definitions: { ...(definitions as Properties), keys: keys() },
  }
  return JSON.stringify(described(schema), undefined, 1)
}

function schemaOf(schema: z.ZodType): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    io: 'input',
    target: 'draft-7',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema._zod
      if (def.type === 'pipe' && jsonSchema.type === 'array') orAlone(jsonSchema)
      if (def.type === 'object' && def.catchall && def.catchall._zod.def.type !== 'never') {
        jsonSchema.allOf = [{ $ref: '#/definitions/keys' }]
      }
      // draft 7 looks at nothing beside a reference
      if (jsonSchema.$ref !== undefined) keepOnly(jsonSchema, '$ref')
      // only regular expressions with the flag u know \P
      if (jsonSchema.pattern?.includes('\\P')) delete jsonSchema.pattern
      if (jsonSchema.allOf)
        jsonSchema.allOf = jsonSchema.allOf.filter(({ pattern }) => !pattern?.includes('\\P'))
    },
  })
  return json as Json
}

/** What is written alone stands for a list of one. */
function orAlone(list: Json): void {
  const copy = { ...list }
  keepOnly(list, 'description')
  list.anyOf = [copy.items as Json, copy]
}

function keepOnly(schema: Json, kept: string): void {
  for (const key of Object.keys(schema)) if (key !== kept) delete schema[key]
}

function propertiesOf(schema: Json): Properties {
  return (schema.properties ?? {}) as Properties
}

function withProperties(schema: Json, properties: Properties): Json {
  return { ...schema, properties: { ...propertiesOf(schema), ...properties } }
}

function formsOf(schema: Json | undefined): Json[] {
  return (schema?.anyOf ?? []) as Json[]
}

// What follows is what zod has no words for.

/** The reasons, and that there is one of route and reject. */
function withOutcome(schema: Json): Json {
  const reason = { enum: Object.keys(rejectReasons) }
  const maps = formsOf(propertiesOf(schema).reject).filter(({ type }) => type === 'object')
  const reject = { anyOf: [reason, ...maps.map(map => withProperties(map, { reason }))] }
  return { ...withProperties(schema, { reject }), oneOf: [{ required: ['route'] }, { required: ['reject'] }] }
}

/** A route, but a map there is an outcome, never weights. */
function shortDefault(rule: Json): Json {
  return { anyOf: formsOf(propertiesOf(rule).route).filter(({ type }) => type !== 'object') }
}

function withSyntaxes(pool: Json): Json {
  const uid = { type: 'string', pattern: '^\\d+(\\.\\d+)+$' } as const
  const items = { anyOf: [{ enum: Object.values(transferSyntaxes) }, uid] }
  return withProperties(pool, { transferSyntaxes: { ...propertiesOf(pool).transferSyntaxes, items } })
}

function withGiven(test: Json): Json {
  const { default: _, ...given } = propertiesOf(test).given ?? {}
  const propertyNames = { not: { enum: [...combinations] } }
  return withProperties(test, { given: { ...given, propertyNames, allOf: [{ $ref: '#/definitions/keys' }] } })
}

/** The keys of `when`: facts, combinations of conditions, and the attributes of datasets. */
function keys(): Json {
  const names = [...factNames, ...combinations, ...allKeywords().sort()]
  return {
    properties: Object.fromEntries(names.map(name => [name, {}])),
    // by tag, and within sequences
    patternProperties: { '^\\(': {}, '\\.': {} },
    additionalProperties: false,
  }
}

/** With the description of every key, at any depth. */
function described(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(described)
  if (typeof schema !== 'object' || schema === null) return schema
  const entries = Object.entries(schema).map(([key, value]): [string, unknown] => {
    const inner = described(value)
    return [key, key === 'properties' ? withDescriptions(inner as Properties) : inner]
  })
  return Object.fromEntries(entries)
}

function withDescriptions(properties: Properties): Properties {
  const all = Object.entries(properties).map(([key, json]): [string, Json] => {
    const description = Object.hasOwn(descriptions, key) ? descriptions[key] : undefined
    return [key, description === undefined ? json : { description, ...json }]
  })
  return Object.fromEntries(all)
}
