import { isMap, isScalar, LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'
import type { RuleProblem } from './errors.ts'
import { type RuleFile, ruleFile } from './schema.ts'

type Path = readonly PropertyKey[]

/** A rule file as data and as positions. */
export interface SourceFile {
  data: RuleFile
  /** a problem at `path`; at its key instead of its value where `key` is set */
  problem(path: Path, message: string, at?: 'key'): RuleProblem
}

/** Reads one rule file; what is wrong with its YAML or its shape goes to `problems`, and the result is undefined. */
export function parseSourceFile(file: string, text: string, problems: RuleProblem[]): SourceFile | undefined {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })

  const positioned = (offset: number, message: string, rule?: string): RuleProblem => {
    const { line, col } = lines.linePos(offset)
    return { file, line: line || 1, column: col || 1, rule, message }
  }
  if (document.errors.length > 0) {
    for (const { pos, message } of document.errors) problems.push(positioned(pos[0], `not YAML: ${message}`))
    return undefined
  }

  const nodeAt = (path: Path) => document.getIn(path, true)
  const keyOffset = (path: Path): number | undefined => {
    const parent = nodeAt(path.slice(0, -1))
    if (!isMap(parent)) return undefined
    const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(path.at(-1)))
    return isScalar(pair?.key) ? pair.key.range?.[0] : undefined
  }
  const valueOffset = (path: Path): number => {
    for (let length = path.length; length >= 0; length--) {
      const node = length === 0 ? document.contents : nodeAt(path.slice(0, length))
      const range = (node as { range?: [number, number, number] } | null | undefined)?.range
      if (range) return range[0]
    }
    return 0
  }
  const ruleName = (path: Path): string | undefined => {
    if (path[0] !== 'rules' || typeof path[1] !== 'number') return undefined
    const name = document.getIn(['rules', path[1], 'name'])
    return typeof name === 'string' ? name : `#${path[1] + 1}`
  }
  const problem: SourceFile['problem'] = (path, message, at) =>
    positioned((at === 'key' ? keyOffset(path) : undefined) ?? valueOffset(path), message, ruleName(path))

  const parsed = ruleFile.safeParse(document.toJS() ?? {})
  if (parsed.success) return { data: parsed.data, problem }
  for (const issue of parsed.error.issues) {
    problems.push(
      ...describe(issue, issue.path, nodeAt).map(([path, message, at]) => problem(path, message, at)),
    )
  }
  return undefined
}

type Described = [path: Path, message: string, at?: 'key']

/** What a user needs to hear about one of zod's issues, and where. */
function describe(issue: z.core.$ZodIssue, path: Path, nodeAt: (path: Path) => unknown): Described[] {
  const name = path.length === 0 ? 'the file' : String(path.at(-1))
  const node = nodeAt(path)
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map(key => [[...path, key], `unknown key ${key}`, 'key'])
    case 'invalid_union':
    case 'invalid_type': {
      if (isScalar(node) && node.value !== null && typeof node.value !== 'string' && !isNumberWanted(issue)) {
        const written = node.source ?? String(node.value)
        return [[path, `${written} is a ${typeof node.value} in YAML: quote it: "${written}"`]]
      }
      const inner = issue.code === 'invalid_union' ? mostSpecific(issue.errors) : undefined
      if (inner) return describe(inner, [...path, ...inner.path], nodeAt)
      if (node === undefined) return [[path, `${name} is missing`]]
      return [[path, `${name} must be ${expected(issue)}`]]
    }
    case 'too_small':
    case 'custom':
      return [[path, `${name === String(Number(name)) ? 'the rule' : name} ${issue.message}`]]
    default:
      return [[path, `${name}: ${issue.message}`]]
  }
}

function isNumberWanted(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'invalid_type' && (issue.expected === 'number' || issue.expected === 'int')
}

/** Of a union's failures, the one that got furthest: it is the shape that the user meant. */
function mostSpecific(errors: readonly (readonly z.core.$ZodIssue[])[]): z.core.$ZodIssue | undefined {
  return errors.flat().find(issue => issue.path.length > 0 || issue.code !== 'invalid_type')
}

function expected(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_union') return 'text, or one of the forms in the documentation'
  if (issue.code !== 'invalid_type') return issue.message
  const names: Record<string, string> = {
    string: 'text',
    array: 'a list',
    object: 'a map',
    record: 'a map',
    int: 'a whole number',
    number: 'a number',
  }
  return names[issue.expected] ?? issue.expected
}
