/**
 * A value as it may stand in a filter (RFC 4515) and in a name (RFC 4514) alike: every byte that is not plainly harmless becomes a
 * backslash and two hexadecimal digits, which both take for what it is.
 */
export const escaped = (value: string): string =>
  value.replaceAll(/[^A-Za-z0-9._@-]/gu, (letter) => [...Buffer.from(letter)].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join(''))

/** Text with `{name}` in it, where a value stands in place of each name that is known. */
export const filled = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replaceAll(/\{([a-z]+)\}/g, (whole, name: string) => (Object.hasOwn(values, name) ? escaped(values[name] ?? '') : whole))

/** The value of the first part of a name: `staff` of `cn=staff,ou=groups,dc=example`. Undefined for what is no name. */
export const firstValue = (dn: string): string | undefined => {
  const [, value] = /^\s*[A-Za-z0-9.-]+\s*=((?:\\[\s\S]|[^\\,+;])*)/.exec(dn) ?? []
  if (value === undefined) return undefined
  const bytes = [...value.trim().matchAll(/\\([0-9a-fA-F]{2})|\\([\s\S])|[^\\]+/g)].map(([whole, hex, mark]) =>
    (hex !== undefined ? Buffer.from(hex, 'hex') : Buffer.from(mark ?? whole)))
  return Buffer.concat(bytes).toString()
}

/** A name in a form in which the same names are mostly the same text: enough to say what is below what, where nothing hangs on a miss. */
const folded = (dn: string): string => dn.replaceAll(/\s*([,=+])\s*/g, '$1').toLowerCase()

/** Whether an entry is below another one. */
export const isBelow = (dn: string, base: string): boolean => folded(dn).endsWith(`,${folded(base)}`)
