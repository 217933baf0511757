import { isServerName } from '../../matrix/ids.ts'

/** What an `Authorization: X-Matrix` header says. */
export interface RequestClaim {
  readonly origin: string
  /** Undefined where older servers leave it out. */
  readonly destination: string | undefined
  readonly keyId: string
  readonly signature: string
}

/** No header of this kind has a reason to be longer. */
const longest = 2048
const nameCharacter = /^[A-Za-z0-9!#$%&'*+.^_`|~-]$/

/** The parameters of a header, by their names in lower case; undefined when they make no sense or one is there twice. */
function parameters(text: string): Map<string, string> | undefined {
  const found = new Map<string, string>()
  let at = 0
  const blanks = (): void => {
    while (text[at] === ' ' || text[at] === '\t') at++
  }
  for (;;) {
    while (text[at] === ',' || text[at] === ' ' || text[at] === '\t') at++
    if (at >= text.length) return found
    const start = at
    while (nameCharacter.test(text[at] ?? '')) at++
    const name = text.slice(start, at).toLowerCase()
    blanks()
    if (name === '' || text[at] !== '=' || found.has(name)) return undefined
    at++
    blanks()
    let value = ''
    if (text[at] === '"') {
      for (at++; at < text.length && text[at] !== '"'; at++) {
        if (text[at] === '\\') at++
        value += text[at] ?? ''
      }
      if (text[at] !== '"') return undefined
      at++
      blanks()
      if (at < text.length && text[at] !== ',') return undefined
    } else {
      // Older servers write values without quotes although a colon is in them.
      const from = at
      while (at < text.length && text[at] !== ',') at++
      value = text.slice(from, at).trim()
    }
    found.set(name, value)
  }
}

/**
 * Reads a header; undefined when it is not one of this scheme, or makes no sense.
 * @see https://spec.matrix.org/v1.19/server-server-api/#request-authentication
 */
export function readHeader(header: string): RequestClaim | undefined {
  const scheme = /^x-matrix[ \t]+/i.exec(header)
  if (!scheme || header.length > longest) return undefined
  const given = parameters(header.slice(scheme[0].length))
  const [origin, keyId, signature] = [given?.get('origin'), given?.get('key'), given?.get('sig')]
  const destination = given?.get('destination')
  if (!isServerName(origin) || keyId === undefined || signature === undefined) return undefined
  if (!/^ed25519:[A-Za-z0-9_]{1,128}$/.test(keyId)) return undefined
  if (destination !== undefined && !isServerName(destination)) return undefined
  return { origin, destination, keyId, signature }
}

/** Writes a header, with every value in quotes: none of ours has anything in it that would end them. */
export const writeHeader = ({ origin, destination, keyId, signature }: RequestClaim): string =>
  `X-Matrix origin="${origin}",${destination === undefined ? '' : `destination="${destination}",`}key="${keyId}",sig="${signature}"`
