import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK, type JWTPayload, SignJWT } from 'jose'
import type { Database } from '../storage/index.ts'
import { readKeys, replaceKeys, type StoredKey } from './store/keys.ts'

/** What ID tokens are signed with. */
export type SigningAlgorithm = 'RS256' | 'ES256'

/** The server's own keys: made when they are first asked for, and kept in the database. */
export interface Keys {
  /** The public halves, those that sign no more but may have signed what is still about included. */
  published(): Promise<{ keys: JWK[] }>
  sign(algorithm: SigningAlgorithm, claims: JWTPayload): Promise<string>
  /** Takes new keys into use; the old ones stay published for as long as what they have signed is good. Returns the ids of the new ones. */
  rotate(): Promise<string[]>
}

const algorithms: readonly SigningAlgorithm[] = ['RS256', 'ES256']
/** How long keys that sign no more stay published, in ms: clients keep key sets for a day. */
const retiredMs = 7 * 86_400_000

const make = async (alg: SigningAlgorithm, now: number): Promise<StoredKey> => {
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = await exportJWK(privateKey)
  return { kid: await calculateJwkThumbprint(jwk), alg, jwk: JSON.stringify(jwk), created_ts: now, retired_ts: null }
}

const publicOf = ({ kid, alg, jwk }: StoredKey): JWK => {
  const { kty, n, e, crv, x, y } = JSON.parse(jwk) as JWK
  const own = kty === 'RSA' ? { kty, n, e } : { kty, crv, x, y }
  return { ...(own as JWK), kid, alg, use: 'sig' }
}

export interface KeysDeps {
  readonly database: Database
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export const createKeys = ({ database, now }: KeysDeps): Keys => {
  let held: Promise<StoredKey[]> | undefined
  const replace = async (): Promise<StoredKey[]> => {
    const made = await Promise.all(algorithms.map((alg) => make(alg, now())))
    await database.write((tx) => replaceKeys(tx, made, now(), now() - retiredMs))
    return readKeys(database.read)
  }
  const load = async (): Promise<StoredKey[]> => {
    const stored = await readKeys(database.read)
    return algorithms.every((alg) => stored.some((key) => key.alg === alg && key.retired_ts === null))
      ? stored
      : replace()
  }
  const all = (): Promise<StoredKey[]> => {
    held ??= load().catch((error: unknown) => {
      held = undefined
      throw error
    })
    return held
  }
  return {
    published: async () => ({ keys: (await all()).map(publicOf) }),
    sign: async (alg, claims) => {
      const key = (await all()).find((one) => one.alg === alg && one.retired_ts === null)
      if (!key) throw new Error(`There is no key for ${alg}`)
      return new SignJWT(claims)
        .setProtectedHeader({ alg, kid: key.kid, typ: 'JWT' })
        .sign(await importJWK(JSON.parse(key.jwk) as JWK, alg))
    },
    rotate: async () => {
      await all()
      held = replace()
      return (await held).filter(({ retired_ts: retired }) => retired === null).map(({ kid }) => kid)
    },
  }
}
