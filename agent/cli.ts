#!/usr/bin/env node
// The command-line tool: what rule files say, before an agent uses them. `node agent/cli.ts --help`

import { check } from './cli/check.ts'
import { type Command, run } from './cli/command.ts'
import { diff } from './cli/diff.ts'
import { explain } from './cli/explain.ts'
import { schema } from './cli/schema.ts'
import { test } from './cli/test.ts'

const commands: readonly Command[] = [check, test, explain, diff, schema]

process.exitCode = await run(commands, process.argv.slice(2))
