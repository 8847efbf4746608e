import {
  Composer,
  type CST,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isScalar,
  Lexer,
  LineCounter,
  type Node,
  type Pair,
  Parser,
  type Scalar,
  visit,
  type YAMLError,
} from 'yaml'
import type { RuleProblem } from './errors.ts'
import { leaveOut, partAt, withoutPlaceholders } from './left-out.ts'
import type { Slices } from './slices.ts'

export type Path = readonly PropertyKey[]

/** A rule file as data and as positions. */
export interface SourceFile {
  data: unknown
  /** a problem at `path`, or as near to it as the file goes; at its key where `at` says so, or where it has no value */
  problem(path: Path, message: string, at?: 'key'): RuleProblem
  /** where what stands at `path` begins */
  placeOf(path: Path): { file: string; line: number }
  /** what to do about a value that YAML does not take for text; undefined where there is none at `path` */
  misread(path: Path): string | undefined
}

type Subject = Pick<RuleProblem, 'rule' | 'test'>

/** A file is read again without what is no YAML, which takes a while. */
const mostReadings = 20

/**
 * Reads the YAML of one rule file. What is wrong with it goes to `problems`; the pools, rules, tests and settings in which
 * that is are left out, and the others read. Undefined where they cannot be told apart.
 */
export function* parseSourceFile(
  file: string,
  text: string,
  problems: RuleProblem[],
): Slices<SourceFile | undefined> {
  let left = text
  let goesOn = 0
  for (let reading = 1; ; reading++) {
    const lines = new LineCounter()
    const [document, ...others] = yield* parse(left, lines)
    if (!document) return undefined
    yield
    // what else the parser says may come of the first
    const [broken] = syntaxMistakes(document)
    // the same again: it begins elsewhere
    if (broken && broken.offset < goesOn) return undefined
    const mistakes = broken ? [broken] : contentMistakes(document, left === text ? '' : text)
    const parts = mistakes.map(({ offset, within = offset }) => partAt(document, left, within))
    const [second] = others
    if (second) mistakes.push({ offset: second.range[0], message: secondDocument })
    for (const { offset, message } of mistakes) {
      if (message !== '') problems.push(positioned(file, lines, offset, message))
    }
    yield
    if (mistakes.length === 0) return sourceFile(file, document, lines)
    if (second || reading === mostReadings) return undefined
    for (const part of parts) {
      if (!part) return undefined
      left = leaveOut(left, part)
      if (broken) goesOn = part.end
    }
  }
}

function positioned(
  file: string,
  lines: LineCounter,
  offset: number,
  message: string,
  subject: Subject = {},
): RuleProblem {
  const { line, col } = lines.linePos(offset)
  return { file, line: line || 1, column: col || 1, ...subject, message }
}

function sourceFile(file: string, document: Document.Parsed, lines: LineCounter): SourceFile {
  // aliases share what they stand for, so no number of them takes more memory
  const data = withoutPlaceholders(document.toJS({ maxAliasCount: -1 }) ?? {})
  const at = (node: Node | null, message: string, subject?: Subject) =>
    positioned(file, lines, node?.range?.[0] ?? 0, message, subject)
  const subjectAt = ([section, index]: Path): Subject => {
    if ((section !== 'rules' && section !== 'tests') || typeof index !== 'number') return {}
    const written = document.getIn([section, index, 'name'])
    const name = typeof written === 'string' ? written : `#${index + 1}`
    return section === 'rules' ? { rule: name } : { test: name }
  }
  return {
    data,
    problem: (path, message, where) => {
      const { key, value } = pairAt(document, path) ?? {}
      const node = isScalar(key) && (where === 'key' || !value) ? key : nearest(document, path)
      return at(node, message, subjectAt(path))
    },
    placeOf: path => {
      const { line } = at(nearest(document, path), '')
      return { file, line }
    },
    misread: path => {
      const node = nearest(document, path)
      return isScalar(node) ? misread(node) : undefined
    },
  }
}

/** As yaml's parseAllDocuments, with pauses. There is one document even in an empty file. */
function* parse(text: string, lines: LineCounter): Slices<Document.Parsed[]> {
  const parser = new Parser(lines.addNewLine)
  lines.addNewLine(0)
  const tokens: CST.Token[] = []
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme))
    yield
  }
  tokens.push(...parser.end())
  // the schema is fixed so that no %YAML directive changes what a file means
  const composer = new Composer({ prettyErrors: false, schema: 'core', merge: false })
  return [...composer.compose(tokens, true, text.length)] as Document.Parsed[]
}

function misread({ value, source }: Scalar): string | undefined {
  if (typeof value === 'string' || !source) return undefined
  return `${source} is ${value === null ? 'null' : `a ${typeof value}`} in YAML: quote it: "${source}"`
}

/** The node at `path`, or the last one on the way there. */
function nearest(document: Document.Parsed, path: Path): Node | null {
  let node: Node | null = document.contents
  for (const step of path) {
    // a list where a map should be, or the other way round: what is in it was looked at as if it were right
    if (isCollection(node) && isMap(node) === (typeof step === 'number')) continue
    const child = isCollection(node) ? node.get(step, true) : undefined
    const next = isAlias(child) ? child.resolve(document) : child
    if (!isNode(next)) break
    node = next
  }
  return node
}

function pairAt(document: Document.Parsed, path: Path): Pair | undefined {
  const parent = nearest(document, path.slice(0, -1))
  if (!isMap(parent)) return undefined
  return parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1))
}

interface Mistake {
  offset: number
  /** where what is wrong can be found, where `offset` is behind it */
  within?: number
  /** empty where it comes of something that was left out */
  message: string
}

const ownWords: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'this key stands in this map already',
  BLOCK_AS_IMPLICIT_KEY: 'a colon too many in this line: quote a text that holds one, put a space behind -',
  TAB_AS_INDENT: 'indent with spaces, not with tabs',
}

const secondDocument = 'not YAML: a second document begins here: put it into a file of its own'

/** Where what follows may be taken for something else than it is. */
function syntaxMistakes({ errors }: Document.Parsed): Mistake[] {
  return errors.filter(({ code }) => code !== 'DUPLICATE_KEY').map(ofYaml)
}

function ofYaml({ pos, code, message }: YAMLError): Mistake {
  const within = code === 'BAD_INDENT' ? pos[0] - 1 : pos[0]
  return { offset: pos[0], within, message: `not YAML: ${ownWords[code] ?? message}` }
}

/** What else is wrong before anything is known of rules; `before` is the text from which something was left out. */
function contentMistakes(document: Document.Parsed, before: string): Mistake[] {
  const found: Mistake[] = [...document.errors, ...document.warnings].map(ofYaml)
  const report = (node: unknown, message: string) =>
    found.push({ offset: isNode(node) ? (node.range?.[0] ?? 0) : 0, message })
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document)) return
      const wasLeftOut = before.includes(`&${alias.source}`)
      report(alias, wasLeftOut ? '' : `*${alias.source} stands for nothing: no &${alias.source} before it`)
    },
    Pair: (_, { key }) => {
      if (!isScalar(key)) report(key, 'a key must be text')
      else if (/^\([^)]*$/.test(String(key.value)))
        report(key, 'quote a tag within braces: { "(0008,0060)": … }')
      else if (typeof key.value !== 'string')
        report(key, misread(key) ?? 'a key is missing before this colon')
      // zod would drop it in silence, and the rule would hold without it
      else if (key.value === '__proto__') report(key, '"__proto__" cannot be a key')
    },
  })
  return found
}
