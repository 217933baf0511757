import type { Json } from '../../matrix/json.ts'
import { LanguageError, type Token, tokensOf } from './lexer.ts'
import { type Claims, parsePath, type Path, pathOf, valueAt } from './path.ts'

/** Text with claims in it, as `{given_name} {family_name}` or `{email|before @|lower}`. */
export interface Template {
  /** As it was written. */
  readonly text: string
  readonly paths: readonly Path[]
  /** The text; undefined when a claim is not there, or is none that can stand in a text. */
  render(claims: Claims): string | undefined
}

type Value = Json | undefined
type Filter = (value: Value) => Value

const longestText = 4000

const onText =
  (work: (text: string) => string): Filter =>
  (value) => {
    const text = scalar(value)
    return text === undefined ? undefined : work(text)
  }
const scalar = (value: Value): string | undefined =>
  typeof value === 'string'
    ? value
    : typeof value === 'number' || typeof value === 'boolean'
      ? String(value)
      : undefined

/** Every filter: how many words it takes, and what it does. */
const filters: Readonly<Record<string, { words: number; make: (...words: string[]) => Filter }>> = {
  lower: { words: 0, make: () => onText((text) => text.toLowerCase()) },
  upper: { words: 0, make: () => onText((text) => text.toUpperCase()) },
  trim: { words: 0, make: () => onText((text) => text.trim()) },
  before: { words: 1, make: (mark = '') => onText((text) => text.split(mark, 1)[0] ?? '') },
  after: {
    words: 1,
    make: (mark = '') => onText((text) => (text.includes(mark) ? text.slice(text.indexOf(mark) + mark.length) : text)),
  },
  replace: {
    words: 2,
    make: (from = '', to = '') => onText((text) => (from === '' ? text : text.replaceAll(from, () => to))),
  },
  first: { words: 0, make: () => (value) => (Array.isArray(value) ? value[0] : value) },
  join: {
    words: 1,
    make:
      (mark = '') =>
      (value) =>
        Array.isArray(value)
          ? value
              .map(scalar)
              .filter((one) => one !== undefined)
              .join(mark)
          : value,
  },
  default: {
    words: 1,
    make:
      (text = '') =>
      (value) =>
        value === undefined || value === '' ? text : value,
  },
}

const wordOf = (token: Token): string => {
  if ('mark' in token) return token.mark
  return token.pieces.map(({ text }) => text).join('')
}

const readFilter = (text: string): Filter => {
  const [name, ...words] = tokensOf(text).map(wordOf)
  const filter = name !== undefined && Object.hasOwn(filters, name) ? filters[name] : undefined
  if (!filter) throw new LanguageError(`"${name ?? ''}" is not a filter; there are ${Object.keys(filters).join(', ')}`)
  if (words.length !== filter.words) {
    throw new LanguageError(
      `the filter "${name}" takes ${['no word', 'one word', 'two words'][filter.words]} behind it`,
    )
  }
  return filter.make(...words)
}

/** Parts at bars that do not stand in quotes. */
const partsOf = (text: string): string[] => text.match(/(?:"(?:\\.|[^"\\])*"|[^|"]|")+/g) ?? []

const readHole = (text: string, paths: Path[]): ((claims: Claims) => string | undefined) => {
  const [name = '', ...rest] = partsOf(text)
  const [token, ...more] = tokensOf(name)
  const path = token && 'pieces' in token && more.length === 0 ? pathOf(token.pieces) : parsePath(name)
  paths.push(path)
  const steps = rest.map(readFilter)
  return (claims) => scalar(steps.reduce((value: Value, step) => step(value), valueAt(claims, path)))
}

/** Literal text (`{{` and `}}` are braces) and what stands between braces. */
const holePattern = /\{\{|\}\}|\{((?:"(?:\\.|[^"\\])*"|[^{}"])*)\}|[{}]|[^{}]+/g

/**
 * Reads a template. In braces stands a claim, and behind bars what is done with it: `lower`, `upper`, `trim`, `before MARK`,
 * `after MARK`, `replace FROM TO`, `first`, `join MARK`, `default TEXT`.
 * @throws LanguageError
 */
export const parseTemplate = (text: string): Template => {
  if (text.length > longestText) throw new LanguageError(`it has more than ${longestText} characters`)
  const paths: Path[] = []
  const parts = [...text.matchAll(holePattern)].map(
    ([whole, hole]): string | ((claims: Claims) => string | undefined) => {
      if (hole !== undefined) return readHole(hole, paths)
      if (whole === '{' || whole === '}')
        throw new LanguageError(`a "${whole}" stands alone; to mean just that, write it twice`)
      return whole === '{{' ? '{' : whole === '}}' ? '}' : whole
    },
  )
  if (paths.length === 0) throw new LanguageError('it has no claim in it; one stands in braces, as {name}')
  return {
    text,
    paths,
    render: (claims) => {
      let rendered = ''
      for (const part of parts) {
        const piece = typeof part === 'string' ? part : part(claims)
        if (piece === undefined) return undefined
        rendered += piece
      }
      return rendered
    },
  }
}

/** The template that is one claim, whatever its name is made of. */
export const claimTemplate = (name: string): Template => {
  const path = [name]
  return { text: name, paths: [path], render: (claims) => scalar(valueAt(claims, path)) }
}

/** The first template that has all it needs and is not blank. */
export const renderFirst = (templates: readonly Template[], claims: Claims): string | undefined => {
  for (const template of templates) {
    const text = template.render(claims)?.trim()
    if (text !== undefined && text !== '') return text
  }
  return undefined
}
