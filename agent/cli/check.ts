import { existsSync } from 'node:fs'
import { byPlace, type RuleProblem, RulesInvalid } from '../routing/errors.ts'
import { type Lint, lint, type RulePath } from '../routing/lint.ts'
import { type Rules, readRules } from '../routing/load.ts'
import { subjectsIn } from '../routing/schema.ts'
import { type WrittenRule, writtenRules, writtenUndecided } from '../routing/written.ts'
import {
  type Command,
  counted,
  defaultFolder,
  type ExitCode,
  jsonOption,
  type Options,
  onlyFolder,
} from './command.ts'
import { lintPools } from './pacs-pools.ts'
import { paint, table } from './paint.ts'
import { printProblems } from './problems.ts'

const defaultPacsFile = 'haproxy/pacs.cfg'
const defaultAgent = '127.0.0.1:9101'
const AGENT_MS = 1000

export const check: Command = {
  name: 'check',
  summary: 'what is wrong with rule files, and which path each rule causes',
  usage: '[--pacs FILE] [--agent HOST:PORT] [--strict] [--json] [FOLDER]',
  help: `Reads the rule files of FOLDER (${defaultFolder}) as an agent does, and tells all that is wrong with them. Where nothing
is, it tells for each rule whether it decides by the association (direct) or needs the first dataset (delayed), and warns
of what is allowed but hardly meant.

  --pacs FILE        the pools (${defaultPacsFile}, if there is one)
  --agent HOST:PORT  the admin port of an agent (${defaultAgent}, if there is one), which is asked whether it can tell
                     clients apart by their addresses, where rules look at these
  --strict           warnings count as problems
  --json             for programs`,
  options: {
    ...jsonOption,
    pacs: { type: 'string' },
    agent: { type: 'string' },
    strict: { type: 'boolean' },
  },
  run: async (positionals, options) => {
    const folder = onlyFolder(positionals)
    const checked = await checkRules(folder, options)
    if (options.json) console.log(JSON.stringify(checked, undefined, 2))
    else printChecked(folder, checked)
    return exitCode(checked, options)
  },
}

interface Checked {
  errors: readonly RuleProblem[]
  warnings: readonly RuleProblem[]
  /** none where there are errors */
  rules: readonly RulePath[]
}

async function checkRules(folder: string, options: Options): Promise<Checked> {
  try {
    const rules = readRules(folder)
    const failed = rules.tests.flatMap(({ problems }) => problems)
    const { paths, warnings } = await lintRules(rules, options)
    return { errors: failed.sort(byPlace), warnings, rules: paths }
  } catch (error) {
    if (error instanceof RulesInvalid) return { errors: error.problems, warnings: [], rules: [] }
    throw error
  }
}

async function lintRules({ files, ruleSet }: Rules, { pacs, agent }: Options): Promise<Lint> {
  const written = writtenRules(files)
  const { paths, warnings } = lint(
    written,
    ruleSet.paths.map(({ text }) => text),
  )
  const pacsFile = pacs ?? (existsSync(defaultPacsFile) ? defaultPacsFile : undefined)
  const unfit = pacsFile === undefined ? [] : lintPools([...written, ...writtenUndecided(files)], pacsFile)
  const blind = ruleSet.usesSource ? lintSources(written, await gatewayOf(agent ?? defaultAgent)) : []
  return { paths, warnings: [...warnings, ...unfit, ...blind].sort(byPlace) }
}

/** The address that all clients of an agent seem to have; none where they differ, or there is no such agent. */
async function gatewayOf(agent: string): Promise<string | undefined> {
  try {
    const answer = await fetch(`http://${agent}/readyz`, { signal: AbortSignal.timeout(AGENT_MS) })
    return ((await answer.json()) as { gateway?: string }).gateway
  } catch {
    return undefined
  }
}

function lintSources(rules: readonly WrittenRule[], gateway: string | undefined): RuleProblem[] {
  if (gateway === undefined) return []
  return rules
    .filter(({ conditions }) =>
      conditions.some(({ key, condition }) => subjectsIn(key, condition).includes('source')),
    )
    .map(rule => {
      const blind = `all clients seem to come from ${gateway}, a container gateway`
      return rule.problem(
        ['when'],
        `source tells nothing: ${blind}; set PROXY_FROM, or run HAProxy outside`,
        'key',
      )
    })
}

function exitCode({ errors, warnings }: Checked, { strict }: Options): ExitCode {
  return errors.length > 0 || (strict && warnings.length > 0) ? 1 : 0
}

function printChecked(folder: string, { errors, warnings, rules }: Checked): void {
  printProblems(errors)
  if (rules.length > 0) console.log(`${errors.length > 0 ? '\n' : ''}${tableOf(rules)}\n`)
  printProblems(warnings, 'warning')
  const found = [counted(errors.length, 'error'), counted(warnings.length, 'warning')].join(', ')
  console.log(`${folder}: ${errors.length > 0 ? paint('red', found) : found}`)
}

function tableOf(rules: readonly RulePath[]): string {
  const rows = rules.map(({ rule, path, why }) => [rule, path, why])
  return table([['rule', 'path', 'why'], ...rows], (cell, column, row) => {
    if (row === 0) return paint('dim', cell)
    return column === 1 ? paint(colours[cell.trim() as RulePath['path']], cell) : cell
  })
}

const colours = { direct: 'green', delayed: 'cyan', 'direct or delayed': 'cyan', never: 'yellow' } as const
