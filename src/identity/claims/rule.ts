import { compileGlob } from '../../matrix/glob.ts'
import { isObject, type Json } from '../../matrix/json.ts'
import { LanguageError, type Token, tokensOf } from './lexer.ts'
import { type Claims, type Path, pathOf, valueAt } from './path.ts'

/** What the operator demands of claims, as `realm_access.roles contains chat and email_verified equals true`. */
export interface Rule {
  /** As it was written. */
  readonly text: string
  /** The claims that it looks at. */
  readonly paths: readonly Path[]
  holds(claims: Claims): boolean
}

type Test = (claims: Claims) => boolean
type Compare = (value: Json) => boolean

const deepest = 20

/** A number, boolean or string as text; everything else has none. */
const textOf = (value: Json): string | undefined =>
  typeof value === 'string'
    ? value
    : typeof value === 'number' || typeof value === 'boolean'
      ? String(value)
      : undefined

/** The claim itself, or each member of a list: of these one has to pass. */
const some =
  (test: (text: string) => boolean): Compare =>
  (value) =>
    (Array.isArray(value) ? value : [value]).some((one) => {
      const text = textOf(one)
      return text !== undefined && test(text)
    })

/** A member of a list, a word of a string parted by blanks (as in `scope`), or a name in an object. Never a part of a word. */
const contains =
  (wanted: string): Compare =>
  (value) => {
    if (typeof value === 'string') return value.split(' ').includes(wanted)
    if (Array.isArray(value)) return value.some((one) => textOf(one) === wanted)
    return isObject(value) && Object.hasOwn(value, wanted)
  }

/** Reads a rule from left to right, once. */
class RuleReader {
  readonly paths: Path[] = []
  readonly #tokens: readonly Token[]
  #next = 0
  #depth = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  /** The whole rule. */
  read(): Test {
    const test = this.#either()
    const token = this.#tokens[this.#next]
    if (token) this.#wrong(token, '"and", "or", or the end')
    return test
  }

  #wrong(token: Token | undefined, wanted: string): never {
    throw new LanguageError(
      token ? `at character ${token.at + 1} there should be ${wanted}` : `behind its end there should be ${wanted}`,
    )
  }

  /** Whether the next token is that word, which it then takes. */
  #takes(word: string): boolean {
    const token = this.#tokens[this.#next]
    const isIt =
      token !== undefined &&
      ('mark' in token
        ? token.mark === word
        : token.pieces.length === 1 && token.pieces[0]?.quoted === false && token.pieces[0].text.toLowerCase() === word)
    if (isIt) this.#next++
    return isIt
  }

  #list(join: 'and' | 'or', read: () => Test): Test {
    const tests = [read()]
    while (this.#takes(join)) tests.push(read())
    const [only] = tests
    if (tests.length === 1 && only) return only
    return join === 'and'
      ? (claims) => tests.every((test) => test(claims))
      : (claims) => tests.some((test) => test(claims))
  }

  #either(): Test {
    return this.#list('or', () => this.#list('and', () => this.#one()))
  }

  #one(): Test {
    if (++this.#depth > deepest) throw new LanguageError(`it is nested more than ${deepest} times`)
    const test = this.#takes('not') ? negated(this.#one()) : this.#takes('(') ? this.#inParentheses() : this.#test()
    this.#depth--
    return test
  }

  #inParentheses(): Test {
    const test = this.#either()
    if (!this.#takes(')')) this.#wrong(this.#tokens[this.#next], '")"')
    return test
  }

  #test(): Test {
    const token = this.#tokens[this.#next++]
    if (!token || !('pieces' in token)) this.#wrong(token, 'the name of a claim')
    const path = pathOf(token.pieces)
    this.paths.push(path)
    if (this.#takes('exists')) return (claims) => valueAt(claims, path) !== undefined
    const compare = this.#comparison()
    return (claims) => {
      const value = valueAt(claims, path)
      return value !== undefined && compare(value)
    }
  }

  #comparison(): Compare {
    if (this.#takes('contains')) return contains(this.#value())
    if (this.#takes('equals')) {
      const wanted = this.#value()
      return (value) => textOf(value) === wanted
    }
    if (this.#takes('matches')) return some(compileGlob(this.#value()))
    if (this.#takes('in')) {
      const wanted = new Set(this.#values())
      return some((text) => wanted.has(text))
    }
    return this.#wrong(this.#tokens[this.#next], '"contains", "equals", "in", "matches" or "exists"')
  }

  #value(): string {
    const token = this.#tokens[this.#next++]
    if (!token || !('pieces' in token)) this.#wrong(token, 'a value')
    return token.pieces.map(({ text }) => text).join('')
  }

  #values(): string[] {
    if (!this.#takes('[')) this.#wrong(this.#tokens[this.#next], 'a list such as [staff, guests]')
    const values = [this.#value()]
    while (this.#takes(',')) values.push(this.#value())
    if (!this.#takes(']')) this.#wrong(this.#tokens[this.#next], '"," or "]"')
    return values
  }
}

const negated =
  (test: Test): Test =>
  (claims) =>
    !test(claims)

/**
 * Reads a rule. `PATH contains VALUE`, `PATH equals VALUE`, `PATH in [VALUE, …]`, `PATH matches GLOB`, `PATH exists`, joined by `and`,
 * `or`, `not` and parentheses. A claim that is not there passes no test.
 * @throws LanguageError
 */
export const parseRule = (text: string): Rule => {
  const reader = new RuleReader(tokensOf(text))
  const holds = reader.read()
  return { text, paths: reader.paths, holds }
}
