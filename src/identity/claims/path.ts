import { type Json, type JsonObject, own } from '../../matrix/json.ts'
import { LanguageError, type Piece, tokensOf } from './lexer.ts'

/** What a provider says of somebody, or a token's header. Read it with `own` of matrix/json.ts or by a path: its keys come from outside. */
export type Claims = Readonly<JsonObject>

/** The names that lead to a claim, from the outside in. */
export type Path = readonly string[]

/** A path of the pieces of an atom: names parted by dots; a name that has dots itself stands in quotes. @throws LanguageError */
export const pathOf = (pieces: readonly Piece[]): Path => {
  const names: string[] = []
  let open = true
  for (const { text, quoted } of pieces) {
    const parts = quoted ? [text] : text.split('.')
    parts.forEach((part, index) => {
      if (index > 0) open = true
      if (part === '' && !quoted) return
      if (!open) throw new LanguageError('a claim in quotes is parted from the next name by a dot')
      names.push(part)
      open = false
    })
  }
  const dots = pieces.reduce((count, { text, quoted }) => count + (quoted ? 0 : text.split('.').length - 1), 0)
  if (names.length === 0 || dots !== names.length - 1)
    throw new LanguageError('the name of a claim is written like realm_access.roles')
  return names
}

/** Reads a path that stands alone. @throws LanguageError */
export const parsePath = (text: string): Path => {
  const [token, ...more] = tokensOf(text)
  if (!token || !('pieces' in token) || more.length > 0)
    throw new LanguageError('the name of a claim is written like realm_access.roles')
  return pathOf(token.pieces)
}

/** What stands there; undefined where nothing does. Nothing is inherited, and null is nothing. */
export const valueAt = (claims: Claims, path: Path): Json | undefined => {
  let value: Json | undefined = claims
  for (const name of path) value = own(value, name)
  return value ?? undefined
}

/** The path as it is written. */
export const shownPath = (path: Path): string =>
  path.map((name) => (/^[^\s.()[\],"]+$/.test(name) ? name : `"${name.replaceAll(/["\\]/g, '\\$&')}"`)).join('.')
