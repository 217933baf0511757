import { MatrixError } from '../../matrix/errors.ts'
import { checkCanonical, isObject, own, type JsonObject } from '../../matrix/json.ts'
import { signedText } from '../../matrix/signing.ts'
import { isKey32 } from '../keys/parse.ts'

/** What a cross-signing key is for. */
export type Usage = 'master' | 'self_signing' | 'user_signing'

export interface ParsedCrossSigningKey {
  readonly usage: Usage
  /** Unpadded base64. */
  readonly publicKey: string
  /** Canonical JSON without signatures. */
  readonly json: string
  /** As it was uploaded. */
  readonly object: JsonObject
}

const largestKey = 4 * 1024
const mostSignatures = 250

const wrong = (message: string): MatrixError => new MatrixError('M_INVALID_PARAM', message)

/**
 * Checks a cross-signing key but for its signatures.
 * @param value already of the shape of the specification's CrossSigningKey
 * @throws MatrixError M_INVALID_PARAM, M_BAD_JSON, M_TOO_LARGE
 * @see https://spec.matrix.org/v1.19/client-server-api/#cross-signing
 */
export function parseCrossSigningKey(value: JsonObject, usage: Usage, userId: string): ParsedCrossSigningKey {
  const name = `${usage}_key`
  checkCanonical(value)
  if (value['user_id'] !== userId) throw wrong(`"${name}.user_id" is not your user id`)
  const usages = own(value, 'usage')
  if (!Array.isArray(usages) || !usages.includes(usage)) throw wrong(`"${name}.usage" does not have "${usage}"`)
  const keys = own(value, 'keys')
  const [entry, ...more] = isObject(keys) ? Object.entries(keys) : []
  const [keyId, publicKey] = entry ?? []
  if (!isKey32(publicKey) || more.length > 0 || keyId !== `ed25519:${publicKey}`)
    throw wrong(`"${name}.keys" has to be one Ed25519 key, named by itself`)
  const signatures = own(own(value, 'signatures'), userId)
  if (isObject(signatures) && Object.keys(signatures).length > mostSignatures)
    throw wrong(`"${name}" has too many signatures`)
  const json = signedText(value)
  if (Buffer.byteLength(json) > largestKey)
    throw new MatrixError('M_TOO_LARGE', `A cross-signing key can have ${largestKey} bytes`)
  return { usage, publicKey, json, object: value }
}
