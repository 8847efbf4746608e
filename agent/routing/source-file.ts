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
} from 'yaml'
import type { RuleProblem } from './errors.ts'
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

/** Reads the YAML of one rule file; what is wrong with it goes to `problems`, and the result is undefined. */
export function* parseSourceFile(
  file: string,
  text: string,
  problems: RuleProblem[],
): Slices<SourceFile | undefined> {
  const lines = new LineCounter()
  const [document, ...others] = yield* parse(text, lines)
  if (!document) return undefined
  const positioned = (offset: number, message: string, subject: Subject = {}): RuleProblem => {
    const { line, col } = lines.linePos(offset)
    return { file, line: line || 1, column: col || 1, ...subject, message }
  }

  yield
  const mistakes = [...yamlMistakes(document, others)].map(({ offset, message }) =>
    positioned(offset, message),
  )
  problems.push(...mistakes)
  if (mistakes.length > 0) return undefined

  yield
  // aliases share what they stand for, so no number of them takes more memory
  const data = document.toJS({ maxAliasCount: -1 }) ?? {}
  const subjectAt = ([section, index]: Path): Subject => {
    if ((section !== 'rules' && section !== 'tests') || typeof index !== 'number') return {}
    const written = document.getIn([section, index, 'name'])
    const name = typeof written === 'string' ? written : `#${index + 1}`
    return section === 'rules' ? { rule: name } : { test: name }
  }
  return {
    data,
    problem: (path, message, at) => {
      const { key, value } = pairAt(document, path) ?? {}
      const node = isScalar(key) && (at === 'key' || !value) ? key : nearest(document, path)
      return positioned(node?.range?.[0] ?? 0, message, subjectAt(path))
    },
    placeOf: path => {
      const { line } = positioned(nearest(document, path)?.range?.[0] ?? 0, '')
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

type Mistake = { offset: number; message: string }

const ownWords: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'this key stands in this map already',
  BLOCK_AS_IMPLICIT_KEY: 'a colon too many in this line: quote a text that holds one, put a space behind -',
  TAB_AS_INDENT: 'indent with spaces, not with tabs',
}

/** What is wrong before anything is known of rules. */
function* yamlMistakes(document: Document.Parsed, [second]: readonly Document.Parsed[]): Generator<Mistake> {
  for (const { pos, code, message } of [...document.errors, ...document.warnings]) {
    yield { offset: pos[0], message: `not YAML: ${ownWords[code] ?? message}` }
  }
  if (second) {
    const message = 'not YAML: a second document begins here: put it into a file of its own'
    yield { offset: second.range[0], message }
  }
  const found: Mistake[] = []
  const report = (node: unknown, message: string) =>
    found.push({ offset: isNode(node) ? (node.range?.[0] ?? 0) : 0, message })
  visit(document, {
    Alias: (_, alias) => {
      if (!alias.resolve(document))
        report(alias, `*${alias.source} stands for nothing: no &${alias.source} before it`)
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
  yield* found
}
