import { MatrixError } from '../../matrix/errors.ts'
import { canonicalJson, checkCanonical, isObject, own, type Json, type JsonObject } from '../../matrix/json.ts'
import { signatureOf, signedText, verifyText } from '../../matrix/signing.ts'

/** Whose keys they are. */
export interface KeyOwner {
  readonly userId: string
  readonly deviceId: string
}

/** Device keys that are well-formed, and signed by the device or not at all. */
export interface ParsedDeviceKeys {
  /** Canonical JSON without signatures: what the signatures cover, and what is kept. */
  readonly json: string
  /** The device's own signature of it, by `ed25519:DEVICE`; undefined where there is none. */
  readonly signature: string | undefined
  /** As it was uploaded, for signatures by other keys. */
  readonly object: JsonObject
}

/** A one-time or fallback key. */
export interface ParsedKey {
  readonly algorithm: string
  readonly keyId: string
  /** Canonical JSON: of an object, or of a text. */
  readonly json: string
}

const largestDeviceKeys = 16 * 1024
const largestKey = 4 * 1024
const mostIdentityKeys = 50
const longestName = 255

/** 32 bytes: an Ed25519 or Curve25519 key. The last of 43 digits carries four bits only, but clients are known to be lax with the rest. */
const key32 = /^[A-Za-z0-9+/]{43}$/
const signature64 = /^[A-Za-z0-9+/]{86}$/

const wrong = (message: string): MatrixError => new MatrixError('M_INVALID_PARAM', message)

/** Whether the text is 32 bytes in unpadded base64, as keys are written. */
export const isKey32 = (value: unknown): value is string => typeof value === 'string' && key32.test(value)

/** Whether the text is 64 bytes in unpadded base64, as signatures are written. */
export const isSignature64 = (value: unknown): value is string => typeof value === 'string' && signature64.test(value)

/** `signatures: {}`: what scripts and bots upload that encrypt nothing. Other clients will not trust such keys. */
const isUnsigned = (object: JsonObject): boolean => {
  const signatures = own(object, 'signatures')
  return isObject(signatures) && Object.keys(signatures).length === 0
}

/** `algorithm:id`. @throws MatrixError M_INVALID_PARAM */
function splitName(name: string): { algorithm: string; id: string } {
  const colon = name.indexOf(':')
  const [algorithm, id] = [name.slice(0, Math.max(colon, 0)), name.slice(colon + 1)]
  if (
    algorithm === '' ||
    id === '' ||
    algorithm.length > longestName ||
    id.length > 2 * longestName ||
    name.includes('\0')
  ) {
    throw wrong(`"${name.slice(0, 64)}" is not the name of a key: it has to be algorithm:id`)
  }
  return { algorithm, id }
}

function checkIdentityKeys(keys: JsonObject, deviceId: string): void {
  const all = Object.entries(keys)
  if (all.length > mostIdentityKeys) throw wrong(`A device can have ${mostIdentityKeys} identity keys`)
  for (const [name, key] of all) {
    const { algorithm, id } = splitName(name)
    if (id !== deviceId) throw wrong(`The key "${name.slice(0, 64)}" is not named after the device`)
    if ((algorithm === 'ed25519' || algorithm === 'curve25519') && !isKey32(key))
      throw wrong(`The ${algorithm} key is not 32 bytes in unpadded base64`)
  }
}

/**
 * Checks device keys: that they are this device's, well-formed, and that a signature by the device is right. Algorithms that are not known
 * are passed on.
 * @param value already of the shape of the specification's DeviceKeys
 * @throws MatrixError M_INVALID_PARAM, M_INVALID_SIGNATURE, M_BAD_JSON, M_TOO_LARGE
 * @see https://spec.matrix.org/v1.19/client-server-api/#device-keys
 */
export function parseDeviceKeys(value: JsonObject, { userId, deviceId }: KeyOwner): ParsedDeviceKeys {
  checkCanonical(value)
  if (value['user_id'] !== userId) throw wrong('"device_keys.user_id" is not your user id')
  if (value['device_id'] !== deviceId) throw wrong('"device_keys.device_id" is not the id of your device')
  const keys = own(value, 'keys')
  if (!isObject(keys)) throw wrong('"device_keys.keys" must be an object')
  checkIdentityKeys(keys, deviceId)
  const name = `ed25519:${deviceId}`
  const publicKey = own(keys, name)
  if (!isKey32(publicKey)) throw wrong(`"device_keys.keys" has no ${name.slice(0, 64)}`)
  const json = signedText(value)
  if (Buffer.byteLength(json) > largestDeviceKeys)
    throw new MatrixError('M_TOO_LARGE', `Device keys can have ${largestDeviceKeys} bytes`)
  const signature = signatureOf(value, userId, name)
  if (isUnsigned(value)) return { json, signature: undefined, object: value }
  if (!isSignature64(signature) || !verifyText(json, signature, publicKey))
    throw new MatrixError('M_INVALID_SIGNATURE', 'The device keys are not signed by the device')
  return { json, signature, object: value }
}

/** A signed Curve25519 key. Its signature is looked at by whoever gets it, and by nobody before. */
function checkSignedCurve(value: Json, { userId, deviceId }: KeyOwner, name: string): void {
  if (!isKey32(own(value, 'key'))) throw wrong(`"${name.slice(0, 64)}.key" is not 32 bytes in unpadded base64`)
  if (!isObject(value) || !(isUnsigned(value) || isSignature64(signatureOf(value, userId, `ed25519:${deviceId}`))))
    throw wrong(`"${name.slice(0, 64)}" is not signed by the device`)
}

/**
 * Checks one-time or fallback keys. Algorithms that are not known are passed on.
 * @throws MatrixError M_INVALID_PARAM, M_BAD_JSON, M_TOO_LARGE
 * @see https://spec.matrix.org/v1.19/client-server-api/#one-time-and-fallback-keys
 */
export const parseKeys = (keys: Readonly<Record<string, Json>>, owner: KeyOwner): ParsedKey[] =>
  Object.entries(keys).map(([name, value]) => {
    const { algorithm, id } = splitName(name)
    if (id.length > longestName) throw wrong(`"${name.slice(0, 64)}…" is too long a name for a key`)
    checkCanonical(value)
    if (algorithm === 'signed_curve25519') checkSignedCurve(value, owner, name)
    else if (algorithm === 'curve25519' && !isKey32(value))
      throw wrong(`"${name.slice(0, 64)}" is not 32 bytes in unpadded base64`)
    const json = canonicalJson(value)
    if (Buffer.byteLength(json) > largestKey) throw new MatrixError('M_TOO_LARGE', `A key can have ${largestKey} bytes`)
    return { algorithm, keyId: id, json }
  })

/** Whether two keys, as they are kept, are the same but for who signed them. */
export function isSameKey(a: string, b: string): boolean {
  if (a === b) return true
  const [one, other] = [JSON.parse(a), JSON.parse(b)] as [Json, Json]
  return isObject(one) && isObject(other) && signedText(one) === signedText(other)
}

/** The device's signing key, of device keys as they are kept. */
export function deviceSigningKey(json: string, deviceId: string): string | undefined {
  const key = own(own(JSON.parse(json), 'keys'), `ed25519:${deviceId}`)
  return typeof key === 'string' ? key : undefined
}
