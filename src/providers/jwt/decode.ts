import { isObject } from '../../matrix/json.ts'
import type { Claims } from '../../identity/index.ts'
import { JwtRefusal } from './refusal.ts'

/** The largest token that is looked at, in bytes. Everything longer is refused before anything is decoded. */
const maxTokenBytes = 16 * 1024

/** A token taken apart, nothing in it trusted yet. */
export interface Decoded {
  header: Claims
  claims: Claims
  /** What the signature covers: header and payload as they came, which is ASCII. */
  signed: string
  signature: Buffer
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Strict base64url: its alphabet, no padding, and the unused bits of the last character zero, so that a signature has
 * one spelling only.
 */
const bytesOf = (segment: string, what: string): Buffer => {
  const bytes = Buffer.from(segment, 'base64url')
  if (bytes.toString('base64url') !== segment)
    throw new JwtRefusal('token_malformed', `The ${what} is not valid base64url`)
  return bytes
}

const objectOf = (segment: string, what: string): Claims => {
  let value: unknown
  const bytes = bytesOf(segment, what)
  try {
    value = JSON.parse(utf8.decode(bytes))
  } catch {
    throw new JwtRefusal('token_malformed', `The ${what} is not valid JSON`)
  }
  if (!isObject(value)) throw new JwtRefusal('token_malformed', `The ${what} is not a JSON object`)
  return value
}

/**
 * Takes a compact JWS apart. Throws a `JwtRefusal` for anything else.
 * @see https://www.rfc-editor.org/rfc/rfc7515#section-5.2
 */
export const decode = (token: unknown): Decoded => {
  if (token === undefined || token === null) throw new JwtRefusal('token_missing', 'The token is missing')
  if (typeof token !== 'string') throw new JwtRefusal('token_not_a_string', 'The token is not a string')
  if (token.length > maxTokenBytes) throw new JwtRefusal('token_too_large', 'The token is larger than 16 KiB')
  const segments = token.split('.', 6)
  if (segments.length === 5)
    throw new JwtRefusal('token_encrypted', 'The token is encrypted (JWE), and only signed tokens are accepted')
  const [header, payload, signature] = segments
  if (segments.length !== 3 || header === undefined || payload === undefined || signature === undefined) {
    throw new JwtRefusal(
      'token_malformed',
      `A token has three segments parted by dots, this one has ${segments.length > 5 ? 'many' : segments.length}`,
    )
  }
  return {
    header: objectOf(header, 'header'),
    claims: objectOf(payload, 'payload'),
    signed: token.slice(0, header.length + payload.length + 1),
    signature: bytesOf(signature, 'signature'),
  }
}
