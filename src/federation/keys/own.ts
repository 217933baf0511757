import type { JsonObject } from '../../matrix/json.ts'
import { signJson, type SigningKey } from '../../matrix/signing.ts'

/** A key that this server signed with once. */
export interface OldKey {
  readonly keyId: string
  /** Unpadded base64. */
  readonly publicKey: string
  /** Milliseconds. */
  readonly expiredTs: number
}

export interface OwnKeys {
  readonly signingKey: SigningKey
  readonly old: readonly OldKey[]
}

/** So long others may keep what they are told. */
const goodForMs = 24 * 60 * 60_000

/**
 * What this server says of its keys.
 * @see https://spec.matrix.org/v1.19/server-server-api/#get_matrixkeyv2server
 */
export const publishedKeys = ({ signingKey, old }: OwnKeys, serverName: string, now: number): JsonObject =>
  signJson(
    {
      server_name: serverName,
      verify_keys: { [signingKey.id]: { key: signingKey.publicKey } },
      old_verify_keys: Object.fromEntries(
        old.map(({ keyId, publicKey, expiredTs }) => [keyId, { key: publicKey, expired_ts: expiredTs }]),
      ),
      valid_until_ts: now + goodForMs,
    },
    serverName,
    signingKey,
  )
