const mostWords = 20
const mostLetters = 40

/** Letters as they are compared in a search: without case, accents and typographic variants. */
export const fold = (text: string): string => text.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase()

/** The words of a name as they are searched for, each once. Long ones are cut: whoever types that much has found it before. */
export const wordsOf = (text: string): string[] =>
  [
    ...new Set(
      fold(text)
        .split(/[^\p{L}\p{N}]+/u)
        .filter((word) => word !== '')
        .map((word) => word.slice(0, mostLetters).toWellFormed()),
    ),
  ].slice(0, mostWords)
