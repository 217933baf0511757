import * as client from 'openid-client'
import type { Outgoing } from '../../http/index.ts'
import { Problem } from '../problem.ts'

/** What asking a provider takes. */
export interface DiscoveryDeps {
  readonly outgoing: Outgoing
  readonly now: () => number
}

/** How this server is registered at a provider. */
export interface Registration {
  readonly issuer: string
  readonly client_id: string
  readonly client_secret?: string
  readonly client_authentication: 'basic' | 'post'
  readonly id_token_algorithm: string
}

/** How long what the provider says of itself is believed before it is asked again. */
const discoveredMs = 60 * 60_000
const largestReply = 1024 * 1024

/** What went wrong, in words for the log. */
export const messageOf = (error: unknown): string => {
  const { cause } = error instanceof Error ? error : {}
  return `${error instanceof Error ? error.message : 'unknown'}${cause instanceof Error ? ` (${cause.message})` : ''}`
}

/** Through the one outgoing fetch. Only the issuer's own origin may be in a private network: where its document points to may not. */
export const fetchBy =
  (outgoing: Outgoing, issuer: URL): client.CustomFetch =>
  async (url, options) => {
    const { method, body } = options
    if (method !== 'GET' && method !== 'POST') throw new Error(`${method} is not asked of a provider`)
    const reply = await outgoing(url, {
      method,
      headers: options.headers,
      maxBytes: largestReply,
      configured: new URL(url).origin === issuer.origin,
      ...(body instanceof URLSearchParams ? { body: body.toString() } : typeof body === 'string' ? { body } : {}),
      ...(options.signal && { signal: options.signal }),
    })
    const { 'content-encoding': _, 'content-length': __, ...headers } = reply.headers
    return new Response(reply.body.length === 0 ? null : new Uint8Array(reply.body), { status: reply.status, headers })
  }

const authentication = ({ client_secret: secret, client_authentication: method }: Registration): client.ClientAuth =>
  secret === undefined
    ? client.None()
    : method === 'post'
      ? client.ClientSecretPost(secret)
      : client.ClientSecretBasic(secret)

/** Asks for the provider's document when it is first needed, and keeps the last good one across outages. */
export const discoverer = (config: Registration, deps: DiscoveryDeps) => {
  const issuer = new URL(config.issuer)
  let held: { at: number; found: client.Configuration } | undefined
  let asking: Promise<client.Configuration> | undefined
  const ask = async (): Promise<client.Configuration> => {
    const found = await client.discovery(
      issuer,
      config.client_id,
      { id_token_signed_response_alg: config.id_token_algorithm },
      authentication(config),
      {
        [client.customFetch]: fetchBy(deps.outgoing, issuer),
        // The operator has written http:// themselves; `config check` has warned of it.
        execute: issuer.protocol === 'http:' ? [client.allowInsecureRequests] : [],
      },
    )
    held = { at: deps.now(), found }
    return found
  }
  return async (): Promise<client.Configuration> => {
    if (held && deps.now() - held.at < discoveredMs) return held.found
    asking ??= ask().finally(() => {
      asking = undefined
    })
    try {
      return await asking
    } catch (error) {
      if (held) return held.found
      throw new Problem(
        'provider_unreachable',
        `The provider's discovery document cannot be had: ${messageOf(error)}`,
        { cause: error },
      )
    }
  }
}
