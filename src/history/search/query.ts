import { searchWords, spelledIn, wantedWords } from './words.ts'

/** Words that have to follow each other; mostly there is one. */
export interface Term {
  readonly words: readonly string[]
  /** The last of them may be the beginning of a longer word. */
  readonly open: boolean
}

/** What somebody looks for: all of the terms. */
export type Query = readonly Term[]

/** Shorter words have to be there as they are: too much begins with them. */
const shortestBeginning = 3
const mostTerms = 20

/** A single letter of a script without spaces is the beginning of the pairs it stands in. */
const isOpen = (word: string): boolean =>
  word.length >= shortestBeginning || !/^[\p{ASCII}\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}]/u.test(word)

/**
 * What a search term asks for: each of its words, or a longer word that begins with it; what stands in double quotes, as it stands
 * there. No other sign means anything.
 */
export function parseQuery(term: string): Query {
  const terms: Term[] = []
  for (const [index, part] of term.split('"').entries()) {
    const words = wantedWords(part)
    if (index % 2 === 1 && words.length > 0) terms.push({ words, open: false })
    else terms.push(...words.map((word) => ({ words: [word], open: isOpen(word) })))
  }
  return terms.slice(0, mostTerms)
}

const fits = (word: string, wanted: string, open: boolean): boolean =>
  open ? word.startsWith(wanted) : word === wanted

/** Where in a text the term stands. */
function places(words: readonly string[], { words: wanted, open }: Term): number[] {
  const found: number[] = []
  const last = wanted.length - 1
  for (let start = 0; start + last < words.length; start++) {
    if (wanted.every((word, index) => fits(words[start + index] ?? '', word, open && index === last))) found.push(start)
  }
  return found
}

/** How much a word more of the same, and a longer text, count: as in Okapi BM25, without a look at other texts. */
const [saturation, lengthShare, usualLength] = [1.2, 0.5, 12]
/** Of a word that only begins like the one looked for. */
const beginningShare = 0.7
/** For terms that follow each other as they were typed. */
const nearness = 0.5

/**
 * How well a text fits: 0 when a term is missing; more for terms that are there more often, as whole words, in the order in which they
 * were typed, and in a short text. The rank of one text does not depend on which others there are.
 */
export function rankOf(query: Query, text: string): number {
  const words = searchWords(text)
  const norm = saturation * (1 - lengthShare + (lengthShare * words.length) / usualLength)
  let rank = 0
  let before: readonly number[] = []
  for (const term of query) {
    const found = places(words, term)
    if (found.length === 0) return 0
    const whole = term.open ? found.filter((start) => words[start] === term.words[0]).length : found.length
    const count = whole + beginningShare * (found.length - whole)
    rank += (count * (saturation + 1)) / (count + norm)
    if (before.some((start) => found.includes(start + 1))) rank += nearness
    before = found.map((start) => start + term.words.length - 1)
  }
  return rank
}

/** The words of a text that were looked for, as they are written there, in lower case. */
export function highlightsIn(query: Query, text: string): string[] {
  const wanted = query.flatMap(({ words, open }) =>
    words.map((word, index) => ({ word, open: open && index === words.length - 1 })),
  )
  return spelledIn(text)
    .filter(({ words }) => words.some((word) => wanted.some((one) => fits(word, one.word, one.open))))
    .map(({ spelling }) => spelling)
}
