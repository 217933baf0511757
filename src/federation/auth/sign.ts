import type { Json, JsonObject } from '../../matrix/json.ts'
import { signedText, signText, verifyText, type SigningKey } from '../../matrix/signing.ts'
import { type RequestClaim, writeHeader } from './header.ts'

/** What the signature of a request covers. */
export interface SignedParts {
  readonly method: string
  /** Path and query, percent-encoded. */
  readonly uri: string
  readonly origin: string
  readonly destination: string
  readonly content?: Json | undefined
}

const textOf = ({ method, uri, origin, destination, content }: SignedParts): string =>
  signedText({ method, uri, origin, destination, ...(content !== undefined && { content }) } satisfies JsonObject)

/**
 * The `Authorization` header of a request of ours.
 * @see https://spec.matrix.org/v1.19/server-server-api/#request-authentication
 */
export const signRequest = (parts: SignedParts, key: SigningKey): string =>
  writeHeader({
    origin: parts.origin,
    destination: parts.destination,
    keyId: key.id,
    signature: signText(textOf(parts), key),
  })

/** Whether a request was signed with that key. */
export const isSigned = (parts: SignedParts, { signature }: RequestClaim, publicKey: string): boolean =>
  verifyText(textOf(parts), signature, publicKey)
