import { type Filter, FilterParser } from 'ldapts'

/**
 * A value as it may stand in a filter (RFC 4515) and in a name (RFC 4514) alike: every ASCII character that is not plainly harmless
 * becomes a backslash and two hexadecimal digits, which both take for what it is. Other letters mean themselves in both.
 */
export const escaped = (value: string): string =>
  value.replaceAll(/[\0-\x7f]/g, (letter) =>
    /[A-Za-z0-9._@-]/.test(letter) ? letter : `\\${letter.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )

/**
 * Reads a filter. ldapts takes each escaped byte for a letter, so that what is more than ASCII has to stand there as it is; and it does
 * not mind parentheses that are never closed.
 * @throws Error
 */
export const parseFilter = (text: string): Filter => {
  let depth = 0
  const ends = text.split('').flatMap((letter, at) => {
    depth += letter === '(' ? 1 : letter === ')' ? -1 : 0
    return depth === 0 ? [at] : []
  })
  if (ends[0] !== text.length - 1)
    throw new Error('The parentheses are not closed, or there is something outside of them')
  return FilterParser.parseString(
    text.replaceAll(/(?:\\[89a-fA-F][0-9a-fA-F])+/g, (bytes) =>
      Buffer.from(bytes.replaceAll('\\', ''), 'hex').toString(),
    ),
  )
}

/** Text with `{name}` in it, where a value stands in place of each name that is known. */
export const filled = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replaceAll(/\{([a-z]+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? escaped(values[name] ?? '') : whole,
  )

/** The value of the first part of a name: `staff` of `cn=staff,ou=groups,dc=example`. Undefined for what is no name. */
export const firstValue = (dn: string): string | undefined => {
  const [, value] = /^\s*[A-Za-z0-9.-]+\s*=((?:\\[\s\S]|[^\\,+;])*)/.exec(dn) ?? []
  if (value === undefined) return undefined
  const bytes = [...value.trim().matchAll(/\\([0-9a-fA-F]{2})|\\([\s\S])|[^\\]+/g)].map(([whole, hex, mark]) =>
    hex !== undefined ? Buffer.from(hex, 'hex') : Buffer.from(mark ?? whole),
  )
  return Buffer.concat(bytes).toString()
}

/** A name in a form in which the same names are mostly the same text: enough to say what is below what, where nothing hangs on a miss. */
const folded = (dn: string): string => dn.replaceAll(/\s*([,=+])\s*/g, '$1').toLowerCase()

/** Whether an entry is below another one. */
export const isBelow = (dn: string, base: string): boolean => folded(dn).endsWith(`,${folded(base)}`)
