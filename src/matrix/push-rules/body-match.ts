import { compileGlob, compileWords, globCost, type TextMatch } from '../glob.ts'
import { bodyOf, wordsOf, type EventView } from './event-view.ts'

/** Whether something stands in a message's text as whole words. */
export type BodyMatch = (view: EventView) => boolean

/** Steps that the patterns of one user may take together for one text. */
const mostSteps = 1_000_000
/** Characters of a text that every pattern sees, however many there are. */
const leastReach = 256

/**
 * How many characters of a text the patterns of one user see: all, unless there are so many patterns, and of such a kind, that together
 * they could hold up everybody.
 */
export const reachOf = (patterns: readonly string[]): number =>
  Math.max(
    leastReach,
    mostSteps / patterns.reduce((cost, pattern) => cost + (isWord(pattern) ? 0 : globCost(pattern)), 1),
  )

/** @param pattern - a glob, with letter case folded */
export function bodyGlob(pattern: string, reach: number): BodyMatch {
  if (isWord(pattern)) return (view) => wordsOf(view).has(pattern)
  return among(wholeWords(pattern), compileGlob(pattern, { within: 'words' }), reach)
}

/** A text without wildcards, with letter case folded. */
export function bodyHas(text: string): BodyMatch {
  if (isWord(text)) return (view) => wordsOf(view).has(text)
  return among(wholeWords(text, true), compileWords(text), Infinity)
}

const isWord = (pattern: string): boolean => /^[a-z0-9_]+$/.test(pattern)

/** Words that stand alone in whatever matches, as both their neighbours do in the pattern. */
const wholeWords = (pattern: string, isPlain = false): readonly string[] =>
  pattern.match(isPlain ? /[a-z0-9_]+/g : /(?<![a-z0-9_*?])[a-z0-9_]+(?![a-z0-9_*?])/g) ?? []

/** Most texts lack some word that they would need: then nothing is searched. */
const among =
  (needed: readonly string[], found: TextMatch, reach: number): BodyMatch =>
  (view) => {
    const text = bodyOf(view)
    if (text === undefined) return false
    if (needed.length > 0 && !needed.every((word) => wordsOf(view).has(word))) return false
    return found(text.length > reach ? text.slice(0, lastEdge(text, reach)) : text)
  }

/** The end of the last whole word before an index; the index itself inside of a very long one. */
function lastEdge(text: string, index: number): number {
  const inside = /[A-Za-z0-9_]+$/.exec(text.slice(Math.max(0, index - leastReach / 2), Math.floor(index)))
  return Math.floor(index) - (inside?.[0].length ?? 0)
}
