import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto'
import { canonicalJson, isObject, own, type Json, type JsonObject } from './json.ts'

/** An Ed25519 key pair of a server. */
export interface SigningKey {
  /** With the algorithm: `ed25519:…`. */
  readonly id: string
  /** Unpadded base64. */
  readonly publicKey: string
  /** The private half: 32 bytes, unpadded base64. */
  readonly seed: string
  readonly privateKey: KeyObject
}

/** What stands before the 32 bytes of a key in PKCS #8 and SubjectPublicKeyInfo (RFC 8410). */
const privatePrefix = Buffer.from('302e020100300506032b657004220420', 'hex')
const publicPrefix = Buffer.from('302a300506032b6570032100', 'hex')

/** Base64 without its padding, as everything binary in Matrix is written. */
export const unpaddedBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replace(/=+$/, '')

/**
 * The key pair of a seed (32 bytes, or their base64): for a new key give it random bytes. `version` is the part of the key id
 * behind `ed25519:`. Throws a TypeError when either is malformed.
 */
export function signingKey(version: string, seed: string | Uint8Array): SigningKey {
  const bytes = typeof seed === 'string' ? Buffer.from(seed, 'base64') : seed
  if (bytes.length !== 32) throw new TypeError(`The seed of a signing key has 32 bytes, not ${bytes.length}`)
  if (!/^[a-zA-Z0-9_]+$/.test(version))
    throw new TypeError('The version of a signing key is made of letters, digits and _')
  const privateKey = createPrivateKey({ key: Buffer.concat([privatePrefix, bytes]), format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return {
    id: `ed25519:${version}`,
    publicKey: unpaddedBase64(spki.subarray(publicPrefix.length)),
    seed: unpaddedBase64(bytes),
    privateKey,
  }
}

/** Reads a key from the line that key files have: `ed25519 VERSION SEED`. Throws a TypeError when it is malformed. */
export function readSigningKey(line: string): SigningKey {
  const [algorithm, version, seed, ...rest] = line.trim().split(/\s+/)
  if (algorithm !== 'ed25519' || version === undefined || seed === undefined || rest.length > 0) {
    throw new TypeError('A signing key is one line: ed25519 VERSION SEED')
  }
  return signingKey(version, seed)
}

/** The line for a key file; the opposite of {@link readSigningKey}. Secret. */
export const writeSigningKey = (key: SigningKey): string => `ed25519 ${key.id.slice('ed25519:'.length)} ${key.seed}`

/** A verify key from its base64, ready to be used many times; undefined when it is no Ed25519 key. */
export function loadPublicKey(base64: string): KeyObject | undefined {
  const bytes = Buffer.from(base64, 'base64')
  if (bytes.length !== 32) return undefined
  return createPublicKey({ key: Buffer.concat([publicPrefix, bytes]), format: 'der', type: 'spki' })
}

/** The signature of a text's UTF-8 form, unpadded base64. */
export const signText = (text: string, key: SigningKey): string =>
  unpaddedBase64(sign(null, Buffer.from(text), key.privateKey))

/** Whether `signature` (base64) of the text was made with the key. Malformed signatures and keys are simply wrong. */
export function verifyText(text: string, signature: unknown, publicKey: string | KeyObject): boolean {
  if (typeof signature !== 'string') return false
  const bytes = Buffer.from(signature, 'base64')
  const key = typeof publicKey === 'string' ? loadPublicKey(publicKey) : publicKey
  return key !== undefined && bytes.length === 64 && verify(null, Buffer.from(text), key, bytes)
}

/** What the signatures of an object cover: its canonical JSON without `signatures` and `unsigned`. */
export function signedText(object: JsonObject): string {
  const { signatures: _, unsigned: __, ...signed } = object
  return canonicalJson(signed)
}

/**
 * A copy of the object with one more signature. `entity` is a server name, or a user id for cross-signing.
 * @see https://spec.matrix.org/v1.19/appendices/#signing-details
 */
export const signJson = <T extends JsonObject>(
  object: T,
  entity: string,
  key: SigningKey,
): T & { signatures: JsonObject } => addSignature(object, entity, key.id, signText(signedText(object), key))

/** A copy of the object with one more signature beside those it has. */
export function addSignature<T extends JsonObject>(
  object: T,
  entity: string,
  keyId: string,
  signature: string,
): T & { signatures: JsonObject } {
  const present = own(object, 'signatures')
  const ofEntity = own(present, entity)
  return {
    ...object,
    // Spreads and computed keys define properties and never assign, so a key `__proto__` stays an ordinary key.
    signatures: {
      ...(isObject(present) ? present : {}),
      [entity]: { ...(isObject(ofEntity) ? ofEntity : {}), [keyId]: signature },
    },
  }
}

/**
 * Whether the object carries a right signature of this entity with this key. The public key is base64, or {@link loadPublicKey}'s.
 * @see https://spec.matrix.org/v1.19/appendices/#checking-for-a-signature
 */
export const verifyJson = (object: JsonObject, entity: string, keyId: string, publicKey: string | KeyObject): boolean =>
  verifyText(signedText(object), signatureOf(object, entity, keyId), publicKey)

/** The ids of the Ed25519 keys with which the entity claims to have signed the object. */
export function signingKeyIds(object: JsonObject, entity: string): string[] {
  const ofEntity = own(own(object, 'signatures'), entity)
  return isObject(ofEntity) ? Object.keys(ofEntity).filter((keyId) => keyId.startsWith('ed25519:')) : []
}

/** The signature that the object carries for this entity and key. */
export const signatureOf = (object: JsonObject, entity: string, keyId: string): Json | undefined =>
  own(own(own(object, 'signatures'), entity), keyId)
