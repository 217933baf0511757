/** A value that was written, fit to stand in a sentence: short, on one line, and never failing. */
export const shown = (value: unknown): string => {
  switch (typeof value) {
    case 'string': {
      const text = JSON.stringify(value)
      return text.length > 64 ? `${text.slice(0, 60)}…"` : text
    }
    case 'number':
    case 'boolean':
    case 'bigint':
      return String(value)
    case 'undefined':
      return 'nothing'
    case 'object':
      return value === null ? 'nothing' : Array.isArray(value) ? 'a list' : 'an object'
    default:
      return `a ${typeof value}`
  }
}

/** `a, b or c`. */
export const listed = (words: readonly string[], last = 'or'): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`
