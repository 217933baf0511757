import { fold } from '../../users/index.ts'

/** Scripts that put no spaces between words: there, pairs of neighbours stand for words. */
const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]+/gu

const letters = /[\p{L}\p{N}\p{M}]+/gu
const notLetters = /[^\p{L}\p{N}]+/u
const ascii = /^[\x20-\x7e\n]*$/
const asciiWords = /[a-z0-9]+/g

/** So many words of one text are searched; what comes after is not found. */
const mostWords = 4000
const longestWord = 40

/** A stretch of letters as it was written, and what it is found by. */
export interface Spelled {
  /** In lower case, accents and all. */
  readonly spelling: string
  readonly words: readonly string[]
}

const cut = (word: string): string => (word.length <= longestWord ? word : word.slice(0, longestWord).toWellFormed())

/** Pairs of neighbours, and the last letter by itself, so that each letter begins a word. */
function pairs(text: string): string[] {
  const signs = Array.from(text)
  return signs.map((sign, index) => sign + (signs[index + 1] ?? ''))
}

/** The words of a stretch of letters. `whole`: as a text has them; otherwise as they are looked for, where a last letter alone says nothing new. */
function wordsIn(stretch: string, whole: boolean): string[] {
  const words: string[] = []
  for (const part of fold(stretch).split(notLetters)) {
    let end = 0
    for (const { 0: run, index } of part.matchAll(unspaced)) {
      if (index > end) words.push(cut(part.slice(end, index)))
      const found = pairs(run)
      words.push(...(whole || found.length === 1 ? found : found.slice(0, -1)))
      end = index + run.length
    }
    if (end < part.length) words.push(cut(part.slice(end)))
  }
  return words
}

/** The stretches of letters of a text, in order, with the words that each is found by. */
export const spelledIn = (text: string): Spelled[] =>
  Array.from(text.matchAll(letters), ([stretch]) => ({
    spelling: stretch.toLowerCase(),
    words: wordsIn(stretch, true),
  }))

/**
 * The words that a text is found by, in order: without case, accents and typographic variants, letters and digits alone, so that none
 * of them means anything to a database.
 */
export function searchWords(text: string): string[] {
  const words = ascii.test(text)
    ? (text.toLowerCase().match(asciiWords) ?? []).map(cut)
    : Array.from(text.matchAll(letters), ([stretch]) => wordsIn(stretch, true)).flat()
  return words.length > mostWords ? words.slice(0, mostWords) : words
}

/** The words to look for, of what somebody typed. */
export const wantedWords = (text: string): string[] =>
  Array.from(text.matchAll(letters), ([stretch]) => wordsIn(stretch, false)).flat()
