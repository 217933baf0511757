/**
 * Globs over strings that strangers write: server ACLs, push rules, filters, namespaces.
 *
 * Nothing here becomes a regular expression. A pattern is cut at its stars; the pieces between them are looked for from left to
 * right, each once. Short plain pieces use the engine's own string search, all others a bit-parallel search (Shift-And) whose cost
 * is text length × pattern length / 32 whatever the text says, so no pattern can be made to explode.
 */

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

/** Characters of a text: UTF-16 units when nothing in the pattern counts characters, code points when something does. */
type Text = string | Uint32Array

interface Piece<T extends Text> {
  size: number
  /** Whether the piece stands at this index. */
  at: (text: T, index: number) => boolean
  /** Where the piece first stands at or after `from`; `start` and `end` forbid that edge to be inside a word. -1: nowhere. */
  find: (text: T, from: number, start: boolean, end: boolean) => number
}

/** Longest piece left to the engine's string search, whose worst case is text × piece. */
const shortPiece = 32

function compilePieces(pieces: string[], counts: boolean, options: GlobOptions): TextMatch {
  const match = options.within === 'words' ? matchWords : matchWhole
  const fold = options.ignoreCase ? (text: string): string => text.toLowerCase() : (text: string): string => text
  if (!counts && pieces.every((piece) => piece.length <= shortPiece)) {
    const plain = pieces.map(plainPiece)
    return (text) => match(fold(text), plain)
  }
  const counted = pieces.map((piece) => countedPiece(piece, counts))
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

const plainPiece = (piece: string): Piece<string> => ({
  size: piece.length,
  at: (text, index) => text.startsWith(piece, index),
  find: (text, from, start, end) => {
    let found = text.indexOf(piece, from)
    while (found >= 0) {
      // A refused place moves the search to the next edge of a word, so that "aaaa…" is not tried letter by letter.
      if (start && insideWord(text, found)) found = text.indexOf(piece, nextEdge(text, found))
      else if (end && insideWord(text, found + piece.length)) {
        found = text.indexOf(piece, nextEdge(text, found + piece.length) - piece.length)
      } else return found
    }
    return -1
  },
})

/** A code point that no text has: the `?` of a pattern. */
const anyCharacter = 0xffffffff

function countedPiece(source: string, wildcards: boolean): Piece<Uint32Array> {
  const points = codePoints(source)
  if (wildcards) points.forEach((point, index) => void (points[index] = point === questionMark ? anyCharacter : point))
  const size = points.length
  const find = shiftAnd(points)
  return {
    size,
    at: (text, index) => points.every((point, offset) => point === anyCharacter || point === text[index + offset]),
    find,
  }
}

/** Shift-And: bit i of the state says "the last i + 1 characters are the first i + 1 of the piece". */
function shiftAnd(points: Uint32Array): Piece<Uint32Array>['find'] {
  const size = points.length
  const words = Math.ceil(size / 32)
  const other = new Int32Array(words)
  const masks = new Map<number, Int32Array>()
  for (const point of points) if (point !== anyCharacter) masks.set(point, new Int32Array(words))
  points.forEach((point, index) => {
    const targets = point === anyCharacter ? [other, ...masks.values()] : [masks.get(point)]
    for (const mask of targets) if (mask) mask[index >> 5] = (mask[index >> 5] ?? 0) | (1 << (index & 31))
  })
  const done = 1 << ((size - 1) & 31)
  return (text, from, start, end) => {
    const state = new Int32Array(words)
    for (let index = from; index < text.length; index++) {
      const mask = masks.get(text[index] ?? 0) ?? other
      let carry = 1
      for (let word = 0; word < words; word++) {
        const before = state[word] ?? 0
        state[word] = ((before << 1) | carry) & (mask[word] ?? 0)
        carry = before >>> 31
      }
      if (((state[words - 1] ?? 0) & done) === 0) continue
      const found = index + 1 - size
      if (!(start && insideWord(text, found)) && !(end && insideWord(text, index + 1))) return found
    }
    return -1
  }
}

const questionMark = 0x3f

function codePoints(text: string): Uint32Array {
  const points = new Uint32Array(text.length)
  let size = 0
  for (let index = 0; index < text.length; index++) {
    const point = text.codePointAt(index) ?? 0
    if (point > 0xffff) index++
    points[size++] = point
  }
  return size === text.length ? points : points.subarray(0, size)
}

/** Letters, digits and `_` of ASCII: the specification's word characters. */
const isWord = (code: number): boolean =>
  (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || code === 0x5f

const codeAt = (text: Text, index: number): number =>
  typeof text === 'string' ? text.charCodeAt(index) : (text[index] ?? NaN)

/** Whether the gap before `index` has word characters on both sides. */
const insideWord = (text: Text, index: number): boolean =>
  index > 0 && index < text.length && isWord(codeAt(text, index - 1)) && isWord(codeAt(text, index))

function nextEdge(text: Text, index: number): number {
  let edge = index + 1
  while (insideWord(text, edge)) edge++
  return edge
}
