import { isServerName } from '../../matrix/ids.ts'
import { isObject, own, type Json, type JsonObject } from '../../matrix/json.ts'
import { loadPublicKey, signingKeyIds, verifyJson } from '../../matrix/signing.ts'

/** A key that a server signs with, or signed with once. */
export interface VerifyKey {
  readonly server: string
  /** `ed25519:…` */
  readonly keyId: string
  /** Unpadded base64. */
  readonly publicKey: string
  /** What is signed until then counts; milliseconds. */
  readonly validUntil: number
}

/** What a server says of its keys. */
export interface KeyAnswer {
  readonly server: string
  readonly validUntil: number
  readonly keys: readonly VerifyKey[]
  /** As it came, to be handed on to whoever asks. */
  readonly json: JsonObject
}

/** However far ahead a server says that its keys are good: a key that was stolen must end some day. */
const mostAheadMs = 7 * 86_400_000
const mostKeys = 100

const isKeyId = (id: string): boolean => /^ed25519:[A-Za-z0-9_]{1,128}$/.test(id)

function keysIn(list: Json | undefined): [id: string, publicKey: string, entry: Json][] {
  if (!isObject(list)) return []
  return Object.entries(list)
    .slice(0, mostKeys)
    .flatMap(([id, entry]): [string, string, Json][] => {
      const key = own(entry, 'key')
      return isKeyId(id) && typeof key === 'string' && loadPublicKey(key) ? [[id, key, entry]] : []
    })
}

const time = (value: Json | undefined): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined

/**
 * Takes an answer for the keys of a server; undefined when it makes no sense, or is not signed by one of the keys in it.
 * @see https://spec.matrix.org/v1.19/server-server-api/#publishing-keys
 */
export function readKeyAnswer(json: Json, now: number): KeyAnswer | undefined {
  if (!isObject(json)) return undefined
  const server = own(json, 'server_name')
  const until = time(own(json, 'valid_until_ts'))
  if (!isServerName(server) || until === undefined) return undefined
  const validUntil = Math.min(until, now + mostAheadMs)
  const current = keysIn(own(json, 'verify_keys'))
  const signers = new Set(signingKeyIds(json, server))
  if (!current.some(([id, key]) => signers.has(id) && verifyJson(json, server, id, key))) return undefined
  const old = keysIn(own(json, 'old_verify_keys')).flatMap(([keyId, publicKey, entry]): VerifyKey[] => {
    const expired = time(own(entry, 'expired_ts'))
    return expired === undefined ? [] : [{ server, keyId, publicKey, validUntil: Math.min(expired, now) }]
  })
  const keys = [...old, ...current.map(([keyId, publicKey]): VerifyKey => ({ server, keyId, publicKey, validUntil }))]
  return { server, validUntil, keys, json }
}
