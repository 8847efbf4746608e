import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { closest } from '../dicom/index.ts'
import { RulesInvalid } from '../routing/index.ts'
import { printProblems } from './problems.ts'

/** 0: fine; 1: problems, or differences, were found; 2: wrong usage. */
export type ExitCode = 0 | 1 | 2

/** The values of the options that a command has. */
export interface Options {
  json?: boolean
  strict?: boolean
  pacs?: string
  agent?: string
  rules?: string
  calling?: string
  called?: string
  source?: string
  'tls-client-cn'?: string
  time?: string
}

export interface Command {
  name: string
  summary: string
  /** what comes behind the name */
  usage: string
  help: string
  options: ParseArgsOptionsConfig
  run(positionals: readonly string[], options: Options): ExitCode | Promise<ExitCode>
}

/** What was asked cannot be done as it was asked; the message says what to do instead. */
export class UsageError extends Error {}

export const jsonOption = { json: { type: 'boolean' } } as const

export const defaultFolder = 'agent/rules'

export function onlyFolder([folder = defaultFolder, ...more]: readonly string[]): string {
  if (more.length > 0) throw new UsageError(`one folder at a time: what is "${more[0]}" for?`)
  return folder
}

export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

/** Compiled, it is the one of the package. */
const program = import.meta.filename.endsWith('.ts') ? 'node agent/cli.ts' : 'npx dicom-load-balancer'

/** Runs the command that `args` name. */
export async function run(commands: readonly Command[], args: readonly string[]): Promise<ExitCode> {
  const [name, ...rest] = args
  const command = commands.find(candidate => candidate.name === name)
  try {
    if (name === undefined || name === '--help' || name === '-h') {
      console.log(overview(commands))
      return name === undefined ? 2 : 0
    }
    if (!command) throw new UsageError(`there is no command "${name}"; ${suggestion(name, commands)}`)
    return await runOne(command, rest)
  } catch (error) {
    const problem = wrongUsage(error)
    if (problem === undefined) throw error
    console.error(`${problem}\n\n${program} ${command ? `${command.name} ` : ''}--help tells more.`)
    return 2
  }
}

async function runOne(command: Command, args: readonly string[]): Promise<ExitCode> {
  const options = { ...command.options, help: { type: 'boolean', short: 'h' } } as const
  const { values, positionals } = parseArgs({
    args: [...args],
    options,
    allowPositionals: true,
    strict: true,
  })
  if (values.help) {
    console.log(`${program} ${command.name} ${command.usage}\n\n${command.help}`)
    return 0
  }
  try {
    return await command.run(positionals, values as Options)
  } catch (error) {
    if (!(error instanceof RulesInvalid)) throw error
    if ((values as Options).json) console.log(JSON.stringify({ errors: error.problems }, undefined, 2))
    else printProblems(error.problems)
    return 1
  }
}

/** What to say about it; undefined where it is an error of another kind. */
function wrongUsage(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if (error instanceof UsageError) return error.message
  const { code = '', path } = error as NodeJS.ErrnoException
  if (code.startsWith('ERR_PARSE_ARGS')) return error.message
  return Object.hasOwn(fileErrors, code) ? `${path}: ${fileErrors[code]}` : undefined
}

const fileErrors: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'this is no folder',
  EISDIR: 'this is a folder',
  EACCES: 'this may not be read',
}

function overview(commands: readonly Command[]): string {
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(9)}${summary}`)
  return `${program} COMMAND …: what rule files say, before an agent uses them

${lines.join('\n')}

${program} COMMAND --help tells more. Exit codes: 0 fine, 1 problems or differences found, 2 wrong usage.`
}

function suggestion(name: string, commands: readonly Command[]): string {
  const names = commands.map(command => command.name)
  const [near] = closest(name, names)
  return near === undefined ? `there are ${names.join(', ')}` : `did you mean ${near}?`
}
