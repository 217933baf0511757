// An issuer of tokens that the driver runs itself: it signs with every common algorithm, and publishes its keys.
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const secret = 'a secret of the benchmark, long enough for its hash'
const pairs = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
} as const

export const algorithms = ['HS256', 'RS256', 'ES256', 'EdDSA'] as const
export type BenchAlgorithm = (typeof algorithms)[number]

/** What the driver signs by, and what the server under test is configured with. */
export interface Issuer {
  /** The entries of `identity_providers` that trust this issuer. */
  readonly providers: object[]
  token: (algorithm: BenchAlgorithm, claims: Record<string, unknown>) => string
  close: () => void
}

const issuerOf = (algorithm: string): string => `https://${algorithm.toLowerCase()}.bench.test`

/** Opens the issuer on a free port of this machine. */
export async function openIssuer(): Promise<Issuer> {
  const keys = new Map<string, { publicKey: KeyObject; privateKey: KeyObject }>(
    Object.entries(pairs).map(([name, make]) => [name, make()]),
  )
  const server = createServer((_, response) => {
    const published = [...keys].map(([alg, { publicKey }]) => ({
      ...publicKey.export({ format: 'jwk' }),
      kid: alg,
      alg,
      use: 'sig',
    }))
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: published }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.unref()
  const uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signature = (algorithm: BenchAlgorithm, data: string): Buffer => {
    const key = keys.get(algorithm)?.privateKey
    if (!key) return createHmac('sha256', secret).update(data).digest()
    return sign(algorithm === 'EdDSA' ? null : 'sha256', Buffer.from(data), { key, dsaEncoding: 'ieee-p1363' })
  }
  return {
    providers: algorithms.map((algorithm) => ({
      id: `bench-${algorithm.toLowerCase()}`,
      type: 'jwt',
      issuer: issuerOf(algorithm),
      audiences: ['bench'],
      algorithms: [algorithm],
      bearer: true,
      mapping: { localpart: ['{name}'] },
      ...(algorithm === 'HS256' ? { secret } : { jwks_uri: uri }),
    })),
    token: (algorithm, claims) => {
      const now = Math.floor(Date.now() / 1000)
      const all = { iss: issuerOf(algorithm), aud: 'bench', iat: now, exp: now + 86_400, ...claims }
      const data = `${part({ alg: algorithm, kid: algorithm, typ: 'JWT' })}.${part(all)}`
      return `${data}.${signature(algorithm, data).toString('base64url')}`
    },
    close: () => server.close(),
  }
}
