/** Characters of a text: UTF-16 units when nothing in the pattern counts characters, code points when something does. */
export type Text = string | Uint32Array

export interface Piece<T extends Text> {
  size: number
  /** Whether the piece stands at this index. */
  at: (text: T, index: number) => boolean
  /** Where the piece first stands at or after `from`; `start` and `end` forbid that edge to be inside a word. -1: nowhere. */
  find: (text: T, from: number, start: boolean, end: boolean) => number
}

/** Longest piece left to the engine's string search, whose worst case is text × piece. */
const shortPiece = 32

/** A piece that stands for itself. */
export const plainPiece = (piece: string): Piece<string> => ({
  size: piece.length,
  at: (text, index) => text.startsWith(piece, index),
  find: piece.length <= shortPiece ? findShort(piece) : findLong(piece),
})

const findShort =
  (piece: string): Piece<string>['find'] =>
  (text, from, start, end) => {
    let found = text.indexOf(piece, from)
    while (found >= 0) {
      // A refused place moves the search to the next edge of a word, so that "aaaa…" is not tried letter by letter.
      if (start && insideWord(text, found)) found = text.indexOf(piece, nextEdge(text, found))
      else if (end && insideWord(text, found + piece.length)) {
        found = text.indexOf(piece, nextEdge(text, found + piece.length) - piece.length)
      } else return found
    }
    return -1
  }

/** By Knuth, Morris and Pratt: no character of the text is looked at more than twice, however many places are refused. */
function findLong(piece: string): Piece<string>['find'] {
  const size = piece.length
  const fallback = new Uint32Array(size)
  for (let index = 1, length = 0; index < size; index++) {
    while (length > 0 && piece.charCodeAt(index) !== piece.charCodeAt(length)) length = fallback[length - 1] ?? 0
    if (piece.charCodeAt(index) === piece.charCodeAt(length)) length++
    fallback[index] = length
  }
  return (text, from, start, end) => {
    for (let index = from, length = 0; index < text.length; index++) {
      const code = text.charCodeAt(index)
      while (length > 0 && code !== piece.charCodeAt(length)) length = fallback[length - 1] ?? 0
      if (code === piece.charCodeAt(length)) length++
      if (length < size) continue
      const found = index + 1 - size
      if (!(start && insideWord(text, found)) && !(end && insideWord(text, index + 1))) return found
      length = fallback[size - 1] ?? 0
    }
    return -1
  }
}

/** A code point that no text has: the `?` of a pattern. */
const anyCharacter = 0xffffffff

/** A piece in which `?` is any character. */
export function countedPiece(source: string): Piece<Uint32Array> {
  const points = codePoints(source)
  points.forEach((point, index) => void (points[index] = point === questionMark ? anyCharacter : point))
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
  // One mask for each character of the piece, after that of all others, in one array.
  const places = new Map<number, number>()
  for (const point of points)
    if (point !== anyCharacter && !places.has(point)) places.set(point, (places.size + 1) * words)
  const masks = new Int32Array((places.size + 1) * words)
  points.forEach((point, index) => {
    const targets = point === anyCharacter ? [0, ...places.values()] : [places.get(point) ?? 0]
    for (const place of targets) masks[place + (index >> 5)]! |= 1 << (index & 31)
  })
  const done = 1 << ((size - 1) & 31)
  return (text, from, start, end) => {
    const state = new Int32Array(words)
    for (let index = from; index < text.length; index++) {
      const place = places.get(text[index] ?? 0) ?? 0
      let carry = 1
      for (let word = 0; word < words; word++) {
        const before = state[word] ?? 0
        state[word] = ((before << 1) | carry) & (masks[place + word] ?? 0)
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

export function codePoints(text: string): Uint32Array {
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
