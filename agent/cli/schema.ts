import { rulesSchema } from '../routing/json-schema.ts'
import { type Command, UsageError } from './command.ts'

export const schema: Command = {
  name: 'schema',
  summary: 'the JSON Schema of rule files, for editors',
  usage: '',
  help: `Prints the JSON Schema of rule files. agent/rules.schema.json is what it prints; this line at the top of a rule file
makes editors use it, with the way to it from there:

  # yaml-language-server: $schema=../rules.schema.json`,
  options: {},
  run: positionals => {
    if (positionals.length > 0) throw new UsageError(`schema takes nothing: what is "${positionals[0]}" for?`)
    console.log(rulesSchema())
    return 0
  },
}
