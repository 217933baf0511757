// An issuer of tokens for tests: it signs, and publishes its keys over HTTP, until it is told to be silent.
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type JWTPayload, SignJWT } from 'jose'

const kinds = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
}

interface Key {
  kid: string
  alg: keyof typeof kinds
  publicKey: KeyObject
  privateKey: KeyObject
}

export interface Issuer extends AsyncDisposable {
  readonly url: string
  readonly uri: string
  /** How often keys and the discovery document were asked for. */
  readonly asked: { keys: number; discovery: number }
  /** What is answered in place of the keys; undefined: the keys. */
  reply: { status?: number; body?: string; headers?: Record<string, string>; delayMs?: number } | undefined
  /** The issuer that the discovery document says it is of. */
  claimsToBe: string
  /** Adds a key and signs with it from now on; with `drop`, the keys before are gone. */
  rotate(options?: { drop?: boolean; alg?: keyof typeof kinds }): Key
  readonly keys: readonly Key[]
  /** A good token for a user of the audience `chat`, signed with the newest key, unless told otherwise. Seconds count from `now`. */
  sign(
    claims: JWTPayload & Record<string, unknown>,
    options?: { key?: Key; header?: Record<string, unknown>; lives?: number },
  ): Promise<string>
  /** Takes no more connections; `up` does again, on the same port. */
  down(): Promise<void>
  up(): Promise<void>
}

/** @param now ms */
export const openIssuer = async (now: () => number, alg: keyof typeof kinds = 'ES256'): Promise<Issuer> => {
  let keys: Key[] = []
  let count = 0
  let server: Server
  const asked = { keys: 0, discovery: 0 }
  const rotate: Issuer['rotate'] = ({ drop = false, alg: other = alg } = {}) => {
    const key = { kid: `k${++count}`, alg: other, ...kinds[other]() }
    keys = drop ? [key] : [...keys, key]
    return key
  }
  rotate()
  const listen = async (port: number): Promise<number> => {
    server = createServer((request, response) => {
      const discovery = request.url === '/.well-known/openid-configuration'
      asked[discovery ? 'discovery' : 'keys']++
      const { status = 200, body, headers = {}, delayMs = 0 } = (discovery ? undefined : issuer.reply) ?? {}
      const usual = discovery
        ? { issuer: issuer.claimsToBe, jwks_uri: issuer.uri }
        : {
            keys: keys.map((key) => ({
              ...key.publicKey.export({ format: 'jwk' }),
              kid: key.kid,
              alg: key.alg,
              use: 'sig',
            })),
          }
      setTimeout(
        () =>
          response
            .writeHead(status, { 'content-type': 'application/json', ...headers })
            .end(body ?? JSON.stringify(usual)),
        delayMs,
      )
    })
    await new Promise<void>((resolve) => {
      server.listen(port, '127.0.0.1', resolve)
    })
    return (server.address() as AddressInfo).port
  }
  const down = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise<void>((resolve) => {
      server.close(() => resolve())
    })
  }
  const port = await listen(0)
  const url = `http://127.0.0.1:${port}`
  const issuer: Issuer = {
    url,
    uri: `${url}/keys`,
    asked,
    reply: undefined,
    claimsToBe: url,
    rotate,
    down,
    up: async () => void (await listen(port)),
    get keys() {
      return keys
    },
    sign: (claims, { key = keys.at(-1) ?? rotate(), header = {}, lives = 300 } = {}) => {
      const seconds = Math.floor(now() / 1000)
      return new SignJWT({ iss: url, aud: 'chat', iat: seconds, exp: seconds + lives, ...claims })
        .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
        .sign(key.privateKey)
    },
    [Symbol.asyncDispose]: down,
  }
  return issuer
}
