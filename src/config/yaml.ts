import {
  type Alias,
  type Document,
  type Node,
  type YAMLError,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
} from 'yaml'
import { type Finding, findingAt, type Origin } from './finding.ts'
import type { Raw, RawEntry, RawMap } from './raw.ts'

/** More than any configuration needs; it ends aliases that grow without end. */
const maxNodes = 20_000
const maxDepth = 32

type Sentence = readonly [message: string, fix?: string]
/** What went wrong, in words that need no knowledge of YAML's grammar, and without a piece of the file, which may be a secret. */
const sentences = {
  BAD_INDENT: ['The indentation does not fit the lines above.', 'Settings of one block start in the same column.'],
  TAB_AS_INDENT: ['A line is indented with a tab.', 'Indent with spaces.'],
  DUPLICATE_KEY: ['This setting stands in the file twice.', 'Keep one of the two.'],
  MULTIPLE_DOCS: ['A second document begins here.', 'Keep everything in one, without a line of "---".'],
  BLOCK_AS_IMPLICIT_KEY: [
    'There are two colons in one line, or a line that should be indented is not.',
    'Put text that holds ": " in quotes.',
  ],
  MULTILINE_IMPLICIT_KEY: ['A colon is missing after a name.', 'Write name: value.'],
  BAD_SCALAR_START: [
    'A value starts with a character that has a meaning of its own in YAML.',
    'Put the value in quotes.',
  ],
  BAD_DQ_ESCAPE: [
    'A backslash in double quotes starts something unknown.',
    'Use single quotes, in which a backslash is only itself.',
  ],
  BAD_ALIAS: ['"*" or "&" at the start of a value has a meaning of its own in YAML.', 'Put the value in quotes.'],
  TAG_RESOLVE_FAILED: ['"!" at the start of a value has a meaning of its own in YAML.', 'Put the value in quotes.'],
  UNEXPECTED_TOKEN: [
    'Something stands here that does not belong.',
    'Look for a quote, bracket or comma too many, here or in the line above.',
  ],
  NON_STRING_KEY: ['The name of a setting must be text.'],
} as const satisfies Readonly<Record<string, Sentence>>
const unclosedQuote = /quote/
const missing: readonly (readonly [pattern: RegExp, message: string, fix: string])[] = [
  [unclosedQuote, 'A quotation mark is not closed.', 'Close it, here or in a line below.'],
  [/end with a/, 'A bracket or brace is not closed.', 'Close it, here or in a line above.'],
  [/map values/, 'A colon is missing after a name.', 'Write name: value.'],
  [
    /Comments/,
    'A "#" follows text without a blank.',
    'Put text that holds "#" in quotes, or a blank before a comment.',
  ],
]

const sentenceOf = ({ code, message }: YAMLError): Sentence => {
  const [, text, fix] = missing.find(([pattern]) => pattern.test(message)) ?? []
  if (text !== undefined && fix !== undefined) return [text, fix]
  return Object.hasOwn(sentences, code)
    ? sentences[code as keyof typeof sentences]
    : ['This is not valid YAML.', 'Look for a bracket, colon or quote that is missing, here or in the line above.']
}

/** Reads YAML into a tree that knows its lines. With faults in its grammar there is no tree, only findings. */
export const readYaml = (text: string, file: string, base: string): { root?: RawMap; findings: Finding[] } => {
  const lines = new LineCounter()
  const origin = (offset: number | undefined): Origin => {
    const { line, col } = lines.linePos(offset ?? 0)
    return { file, line: Math.max(line, 1), column: Math.max(col, 1), base, form: 'yaml' }
  }
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    resolveKnownTags: false,
    merge: false,
    logLevel: 'error',
  })
  const faults = [...document.errors, ...document.warnings]
  if (faults.length > 0) return { findings: grammarFindings(document, faults, origin) }
  const { contents } = document
  if (contents === null || (isScalar(contents) && contents.value === null)) {
    return { root: { kind: 'map', entries: new Map(), at: origin(0) }, findings: [] }
  }
  try {
    const root = treeOf(document, contents, origin)
    if (root.kind === 'map') return { root, findings: [] }
    return {
      findings: [
        findingAt(root.at, 'error', '', 'This is not a configuration.', 'Write settings as lines of name: value.'),
      ],
    }
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error
    return { findings: [error.finding] }
  }
}

/** One finding a line: a single slip of the pen makes a parser stumble several times. */
const grammarFindings = (
  document: Document,
  faults: readonly YAMLError[],
  origin: (offset: number) => Origin,
): Finding[] => {
  const byLine = new Map<number, Finding>()
  for (const fault of faults) {
    const at = origin(unclosedQuote.test(fault.message) ? startOfText(document, fault.pos[0]) : fault.pos[0])
    if (!byLine.has(at.line ?? 0)) byLine.set(at.line ?? 0, findingAt(at, 'error', '', ...sentenceOf(fault)))
  }
  return [...byLine.values()]
}

/** Where the text begins in which the parser stumbled: that is where one looks for a quote that was forgotten. */
const startOfText = (document: Document, offset: number): number => {
  let start = offset
  visit(document, {
    Scalar: (_, { range }) => {
      if (range && range[0] <= offset && offset <= range[2]) start = range[0]
    },
  })
  return start
}

class Unreadable extends Error {
  readonly finding: Finding

  constructor(finding: Finding) {
    super(finding.message)
    this.finding = finding
  }
}

function treeOf(document: Document, top: Node, origin: (offset: number | undefined) => Origin): Raw {
  let nodes = 0
  const resolved = new Map<Alias, Node | undefined>()
  const resolve = (alias: Alias): Node | undefined => {
    if (!resolved.has(alias)) resolved.set(alias, alias.resolve(document))
    return resolved.get(alias)
  }
  const raw = (node: unknown, fallback: Origin, depth: number): Raw => {
    if (++nodes > maxNodes || depth > maxDepth) {
      throw new Unreadable(findingAt(fallback, 'error', '', 'The file is too large or too deep, or refers to itself.'))
    }
    const target = isAlias(node) ? resolve(node) : node
    const at = isAlias(node) ? origin(node.range?.[0]) : fallback
    if (target === undefined) throw new Unreadable(findingAt(at, 'error', '', ...sentences.BAD_ALIAS))
    if (isMap(target)) return { kind: 'map', entries: entriesOf(target.items, depth), at }
    if (isSeq(target))
      return { kind: 'list', items: target.items.map((item) => raw(item, placed(item, at), depth + 1)), at }
    return { kind: 'scalar', value: isScalar(target) ? target.value : null, at }
  }
  const placed = (node: unknown, otherwise: Origin): Origin => {
    const range = isScalar(node) || isMap(node) || isSeq(node) ? node.range : undefined
    return range ? origin(range[0]) : otherwise
  }
  const entriesOf = (pairs: readonly unknown[], depth: number): Map<string, RawEntry> => {
    const entries = new Map<string, RawEntry>()
    for (const pair of pairs) {
      if (!isPair(pair)) continue
      const at = placed(pair.key, origin(0))
      entries.set(String(isScalar(pair.key) ? pair.key.value : pair.key), {
        at,
        value: raw(pair.value, placed(pair.value, at), depth + 1),
      })
    }
    return entries
  }
  return raw(top, placed(top, origin(0)), 0)
}
