import { createSecureContext } from 'node:tls'
import type { Certificates } from '../certificates.ts'
import type { Outgoing } from '../outgoing.ts'

export interface Order {
  /** Where the authority says what it offers. */
  readonly directory: string
  readonly email: string
  readonly names: readonly string[]
  /** Gives the key of the account in PEM, by `make` when there is none. */
  readonly account: (make: () => Promise<string>) => Promise<string>
  /** By which an authority knows the operator that wants to know them first. */
  readonly external: { readonly keyId: string; readonly key: string } | undefined
}

export interface Issued {
  readonly chain: string
  readonly key: string
}

/** What the library asks for, as far as it does. */
interface Asked {
  readonly url?: string
  readonly method?: string
  readonly headers?: { toJSON(): Record<string, unknown> }
  readonly data?: unknown
}

const timeoutMs = 30_000

/** Has the library ask by our one way out, so that its authorities and its proxy hold. */
const through =
  (outgoing: Outgoing) =>
  async (config: Asked): Promise<object> => {
    const headers = Object.entries(config.headers?.toJSON() ?? {}).flatMap(([name, value]): [string, string][] =>
      typeof value === 'string' && !/^(content-length|accept-encoding)$/i.test(name) ? [[name, value]] : [],
    )
    const {
      status,
      headers: answered,
      body,
    } = await outgoing(config.url ?? '', {
      // HEAD is asked for a nonce alone, which GET gives as well.
      method: config.method?.toUpperCase() === 'POST' ? 'POST' : 'GET',
      headers: Object.fromEntries(headers),
      ...(typeof config.data === 'string' && { body: config.data }),
      configured: true,
      timeoutMs,
    })
    const text = body.toString('utf8')
    const data: unknown = /json/.test(answered['content-type'] ?? '') ? JSON.parse(text) : text
    return { status, statusText: String(status), headers: answered, data, config, request: {} }
  }

/**
 * Has an authority vouch for the names, which it asks about by TLS on port 443 of each (tls-alpn-01).
 * @see https://www.rfc-editor.org/rfc/rfc8555
 */
export async function orderCertificate(
  { outgoing, certificates }: { readonly outgoing: Outgoing; readonly certificates: Certificates },
  { directory, email, names, account, external }: Order,
): Promise<Issued> {
  const { default: acme } = await import('acme-client')
  acme.axios.defaults.adapter = through(outgoing) as never // its types want all that browsers have
  const client = new acme.Client({
    directoryUrl: directory,
    accountKey: await account(async () => (await acme.crypto.createPrivateEcdsaKey()).toString()),
    backoffMin: 1000,
    backoffMax: 10_000,
    backoffAttempts: 30,
    ...(external && { externalAccountBinding: { kid: external.keyId, hmacKey: external.key } }),
  })
  const key = (await acme.crypto.createPrivateEcdsaKey()).toString()
  const [, csr] = await acme.crypto.createCsr({ commonName: names[0] ?? '', altNames: [...names] }, key)
  try {
    const chain = await client.auto({
      csr,
      email,
      termsOfServiceAgreed: true,
      skipChallengeVerification: true,
      challengePriority: ['tls-alpn-01'],
      challengeCreateFn: async (authorization, { type }, answer) => {
        // The types of the library leave out what it does.
        if ((type as string) !== 'tls-alpn-01')
          throw new Error(`The authority offers no tls-alpn-01 for ${authorization.identifier.value}`)
        const [challengeKey, cert] = await acme.crypto.createAlpnCertificate(authorization, answer)
        const context = createSecureContext({ cert, key: challengeKey.toString() })
        certificates.challenges.set(authorization.identifier.value, context)
      },
      challengeRemoveFn: async ({ identifier }) => void certificates.challenges.delete(identifier.value),
    })
    return { chain, key }
  } finally {
    for (const name of names) certificates.challenges.delete(name)
  }
}
