import * as client from 'openid-client'
import type { Config } from '../../config/index.ts'
import { type Outgoing, OutgoingError } from '../../http/index.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { createLogoutReader } from './logout-token.ts'
import { Problem } from './problem.ts'
import type { Proof, SsoProvider, Trip } from './provider.ts'

/** An entry of `identity_providers` of type `oidc`. */
export type OidcConfig = Extract<Config['identity_providers'][number], { type: 'oidc' }>

/** What talking to the provider takes. */
export interface OidcDeps {
  readonly outgoing: Outgoing
  readonly now: () => number
  /** Where the provider sends people back to. */
  readonly callback: string
}

/** How long what the provider says of itself is believed before it is asked again. */
const discoveredMs = 60 * 60_000
/** The oldest sign-in that counts as one that was asked for, in seconds: what the person needed to type, and clocks. */
const freshSeconds = 300
const largestReply = 1024 * 1024

/** Through the one outgoing fetch. Only the issuer's own origin may be in a private network: where its document points to may not. */
const fetchBy = (outgoing: Outgoing, issuer: URL): client.CustomFetch => async (url, options) => {
  const { method, body } = options
  if (method !== 'GET' && method !== 'POST') throw new Error(`${method} is not asked of a provider`)
  const reply = await outgoing(url, {
    method, headers: options.headers, maxBytes: largestReply, configured: new URL(url).origin === issuer.origin,
    ...(body instanceof URLSearchParams ? { body: body.toString() } : typeof body === 'string' ? { body } : {}),
    ...(options.signal && { signal: options.signal }),
  })
  const { 'content-encoding': _, 'content-length': __, ...headers } = reply.headers
  return new Response(reply.body.length === 0 ? null : new Uint8Array(reply.body), { status: reply.status, headers })
}

const authentication = ({ client_secret: secret, client_authentication: method }: OidcConfig): client.ClientAuth =>
  secret === undefined ? client.None() : method === 'post' ? client.ClientSecretPost(secret) : client.ClientSecretBasic(secret)

/** Asks for the provider's document when it is first needed, and keeps the last good one across outages. */
const discoverer = (config: OidcConfig, deps: OidcDeps) => {
  const issuer = new URL(config.issuer)
  let held: { at: number; found: client.Configuration } | undefined
  let asking: Promise<client.Configuration> | undefined
  const ask = async (): Promise<client.Configuration> => {
    const found = await client.discovery(issuer, config.client_id, { id_token_signed_response_alg: config.id_token_algorithm }, authentication(config), {
      [client.customFetch]: fetchBy(deps.outgoing, issuer),
      // The operator has written http:// themselves; `config check` has warned of it.
      execute: issuer.protocol === 'http:' ? [client.allowInsecureRequests] : [],
    })
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
      throw new Problem('provider_unreachable', `The provider's discovery document cannot be had: ${messageOf(error)}`, { cause: error })
    }
  }
}

const messageOf = (error: unknown): string => {
  const { cause } = error instanceof Error ? error : {}
  return `${error instanceof Error ? error.message : 'unknown'}${cause instanceof Error ? ` (${cause.message})` : ''}`
}

const problemOf = (error: unknown): Problem => {
  if (error instanceof Problem) return error
  if (error instanceof OutgoingError || (error instanceof Error && error.cause instanceof OutgoingError)) {
    return new Problem('provider_unreachable', `The provider could not be asked: ${messageOf(error)}`, { cause: error })
  }
  if (error instanceof client.AuthorizationResponseError) {
    const code = ['access_denied', 'login_required', 'interaction_required', 'consent_required'].includes(error.error) ? 'cancelled' : 'provider_failed'
    return new Problem(code, `The provider answered ${error.error}`, { cause: error })
  }
  return new Problem('provider_failed', `The provider's answer was not accepted: ${messageOf(error)}`, { cause: error })
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

/**
 * A provider that speaks OpenID Connect: authorization code with PKCE, state and nonce.
 * @see https://openid.net/specs/openid-connect-core-1_0.html
 */
export const oidcProvider = (config: OidcConfig, deps: OidcDeps): SsoProvider => {
  const discovered = discoverer(config, deps)
  const issuer = new URL(config.issuer)
  const readLogout = createLogoutReader({
    issuer: async () => {
      const { issuer: name, jwks_uri: keys } = (await discovered()).serverMetadata()
      if (keys === undefined) throw new Problem('provider_failed', 'The provider does not say where its keys are')
      return { name, keys }
    },
    fetch: fetchBy(deps.outgoing, issuer), clientId: config.client_id, now: deps.now,
  })

  const exchange = async (trip: Trip, answer: URLSearchParams): Promise<Proof> => {
    const found = await discovered()
    const tokens = await client.authorizationCodeGrant(found, new URL(`${deps.callback}?${answer.toString()}`), {
      pkceCodeVerifier: trip.verifier, expectedState: trip.state, expectedNonce: trip.nonce, idTokenExpected: true, ...(trip.fresh && { maxAge: freshSeconds }),
    })
    const claims = tokens.claims()
    if (!claims) throw new Problem('provider_failed', 'The provider sent no ID token')
    const more = config.userinfo ? await client.fetchUserInfo(found, tokens.access_token, claims.sub) : {}
    // Both are JSON of the provider, with names that only it knows. The ID token is signed: it has the last word.
    const all = { ...more, ...claims } as JsonObject
    return {
      subject: claims.sub, claims: all, sid: text(claims['sid']), idToken: tokens.id_token,
      authenticated: typeof claims.auth_time === 'number' ? claims.auth_time * 1000 : undefined,
    }
  }

  return {
    id: config.id, name: config.name ?? config.id, icon: config.icon, brand: config.brand, backchannelLogout: config.backchannel_logout,
    leave: async (trip) => client.buildAuthorizationUrl(await discovered(), {
      redirect_uri: deps.callback, response_type: 'code', scope: config.scopes.join(' '), state: trip.state, nonce: trip.nonce,
      code_challenge: await client.calculatePKCECodeChallenge(trip.verifier), code_challenge_method: 'S256',
      ...(trip.fresh && { prompt: 'login', max_age: '0' }),
    }),
    arrive: async (trip, answer) => {
      try {
        return await exchange(trip, answer)
      } catch (error) {
        throw problemOf(error)
      }
    },
    signOut: async (idToken, back) => {
      const found = await discovered()
      if (found.serverMetadata().end_session_endpoint === undefined) return undefined
      return client.buildEndSessionUrl(found, { id_token_hint: idToken, post_logout_redirect_uri: back })
    },
    readLogout: async (token) => {
      try {
        return await readLogout(token)
      } catch (error) {
        throw problemOf(error)
      }
    },
  }
}
