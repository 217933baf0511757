/**
 * Globs over strings that strangers write: server ACLs, push rules, filters, namespaces.
 *
 * Nothing here becomes a regular expression. A pattern is cut at its stars; the pieces between them are looked for from left to
 * right, each once (glob-piece.ts), so that no pattern can be made to explode; `globCost` says what one can come to.
 */
import { codePoints, countedPiece, plainPiece, type Piece, type Text } from './glob-piece.ts'

/** Whether a text matches a compiled pattern. */
export type TextMatch = (text: string) => boolean

export interface GlobOptions {
  /** Compare without regard to letter case. Callers that fold many texts once may fold both sides themselves instead. */
  ignoreCase?: boolean
  /** `whole` (the default): the pattern covers all of the text. `words`: any stretch of it that neither starts nor ends inside a word. */
  within?: 'whole' | 'words'
  /** Only the star is special; `?` stands for itself. */
  only?: '*'
}

/**
 * Compiles a Matrix glob: `*` is any run of characters, `?` exactly one, all else stands for itself.
 * @see https://spec.matrix.org/v1.19/appendices/#glob-style-matching
 */
export function compileGlob(pattern: string, options: GlobOptions = {}): TextMatch {
  const folded = options.ignoreCase ? pattern.toLowerCase() : pattern
  const parts = folded.split('*')
  // Neighbouring stars are one star; only the outermost parts may be empty, meaning "nothing is demanded at this end".
  const pieces = parts.filter((part, index) => part !== '' || index === 0 || index === parts.length - 1)
  return compilePieces(pieces, options.only === undefined && folded.includes('?'), options)
}

/**
 * Compiles a plain text, without wildcards, that must appear as whole words: display names in message bodies.
 * @see https://spec.matrix.org/v1.19/client-server-api/#conditions-1
 */
export function compileWords(text: string, options: { ignoreCase?: boolean } = {}): TextMatch {
  return compilePieces([options.ignoreCase ? text.toLowerCase() : text], false, { ...options, within: 'words' })
}

function compilePieces(pieces: string[], counts: boolean, options: GlobOptions): TextMatch {
  const match = options.within === 'words' ? matchWords : matchWhole
  const fold = options.ignoreCase ? (text: string): string => text.toLowerCase() : (text: string): string => text
  if (!counts) {
    const plain = pieces.map(plainPiece)
    return (text) => match(fold(text), plain)
  }
  const counted = pieces.map(countedPiece)
  return (text) => match(codePoints(fold(text)), counted)
}

function matchWhole<T extends Text>(text: T, pieces: Piece<T>[]): boolean {
  const first = pieces[0]
  const last = pieces.at(-1)
  if (!first || !last) return false
  const limit = text.length - last.size
  if (pieces.length === 1) return limit === 0 && first.at(text, 0)
  if (first.size > limit || !first.at(text, 0) || !last.at(text, limit)) return false
  let from = first.size
  for (let index = 1; index < pieces.length - 1; index++) {
    const piece = pieces[index]
    const found = piece ? piece.find(text, from, false, false) : -1
    if (!piece || found < 0 || found + piece.size > limit) return false
    from = found + piece.size
  }
  return true
}

function matchWords<T extends Text>(text: T, pieces: Piece<T>[]): boolean {
  let from = 0
  return pieces.every((piece, index) => {
    if (piece.size === 0) return true
    const found = piece.find(text, from, index === 0, index === pieces.length - 1)
    from = found + piece.size
    return found >= 0
  })
}

/**
 * Steps that a pattern may take for each character of a text, whatever that says. Whoever lets strangers choose many patterns adds
 * these up.
 */
export function globCost(pattern: string): number {
  if (!pattern.includes('?')) return 8
  return pattern.split('*').reduce((cost, piece) => cost + Math.ceil(piece.length / 32), 2)
}
