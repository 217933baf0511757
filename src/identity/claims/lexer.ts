/** Thrown for a rule, template or path that cannot be read; the message goes to the operator. */
export class LanguageError extends Error {}

/** A piece of an atom: what stood in quotes stands for itself, dots and all. */
export interface Piece {
  readonly text: string
  readonly quoted: boolean
}

/** A mark (`(`, `)`, `[`, `]`, `,`) or an atom: letters up to the next blank or mark. */
export type Token =
  | { readonly mark: string; readonly at: number }
  | { readonly pieces: readonly Piece[]; readonly at: number }

const marks = '()[],'
const longest = 2000

/** Reads what stands in quotes from `start`, which is behind the opening one. A backslash takes the next letter as it is. */
const readQuoted = (text: string, start: number): { value: string; end: number } => {
  let value = ''
  for (let at = start; at < text.length; at++) {
    const letter = text[at] ?? ''
    if (letter === '"') return { value, end: at + 1 }
    if (letter === '\\') at++
    value += text[at] ?? ''
  }
  throw new LanguageError(`the quotes that open at character ${start} are never closed`)
}

const readAtom = (text: string, start: number): { pieces: Piece[]; end: number } => {
  const pieces: Piece[] = []
  let at = start
  let plain = ''
  const flush = (): void => {
    if (plain !== '') pieces.push({ text: plain, quoted: false })
    plain = ''
  }
  while (at < text.length && !/\s/.test(text[at] ?? '') && !marks.includes(text[at] ?? '')) {
    if (text[at] === '"') {
      flush()
      const { value, end } = readQuoted(text, at + 1)
      pieces.push({ text: value, quoted: true })
      at = end
    } else plain += text[at++]
  }
  flush()
  return { pieces, end: at }
}

/** Cuts a rule into tokens. @throws LanguageError */
export const tokensOf = (text: string): Token[] => {
  if (text.length > longest) throw new LanguageError(`it has more than ${longest} characters`)
  const tokens: Token[] = []
  for (let at = 0; at < text.length;) {
    const letter = text[at] ?? ''
    if (/\s/.test(letter)) at++
    else if (marks.includes(letter)) tokens.push({ mark: letter, at: at++ })
    else {
      const { pieces, end } = readAtom(text, at)
      tokens.push({ pieces, at })
      at = end
    }
  }
  return tokens
}
