import * as client from 'openid-client'
import type { Config } from '../../config/index.ts'
import { field, type Outgoing, OutgoingError } from '../../http/index.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { discoverer, fetchBy, messageOf } from './discovery.ts'
import { createLogoutReader } from './logout-token.ts'
import type { Provider } from '../provider.ts'
import { Problem } from '../problem.ts'
import { type Asker, faultOfTimes } from '../../identity/index.ts'
import type { Proof, BrowserProvider, Trip } from '../browser.ts'

/** An entry of `identity_providers` of type `oidc`. */
export type OidcConfig = Extract<Config['identity_providers'][number], { type: 'oidc' }>

/** What talking to the provider takes. */
export interface OidcDeps {
  readonly outgoing: Outgoing
  readonly now: () => number
  /** Where the provider sends people back to. */
  readonly callback: string
}

/** The oldest sign-in that counts as one that was asked for, in seconds: what the person needed to type, and clocks. */
const freshSeconds = 300
/** How long before it runs out a refresh token is exchanged for a new one. */
const renewMs = 10 * 60_000

const problemOf = (error: unknown): Problem => {
  if (error instanceof Problem) return error
  if (error instanceof OutgoingError || (error instanceof Error && error.cause instanceof OutgoingError)) {
    return new Problem('provider_unreachable', `The provider could not be asked: ${messageOf(error)}`, { cause: error })
  }
  if (error instanceof client.AuthorizationResponseError) {
    const code = ['access_denied', 'login_required', 'interaction_required', 'consent_required'].includes(error.error)
      ? 'cancelled'
      : 'provider_failed'
    return new Problem(code, `The provider answered ${error.error}`, { cause: error })
  }
  return new Problem('provider_failed', `The provider's answer was not accepted: ${messageOf(error)}`, { cause: error })
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

/**
 * A provider that speaks OpenID Connect: authorization code with PKCE, state and nonce.
 * @see https://openid.net/specs/openid-connect-core-1_0.html
 */
export const oidcProvider = (config: OidcConfig, deps: OidcDeps): Provider => {
  const discovered = discoverer(config, deps)
  const issuer = new URL(config.issuer)
  const readLogout = createLogoutReader({
    issuer: async () => {
      const { issuer: name, jwks_uri: keys } = (await discovered()).serverMetadata()
      if (keys === undefined) throw new Problem('provider_failed', 'The provider does not say where its keys are')
      return { name, keys }
    },
    fetch: fetchBy(deps.outgoing, issuer),
    clientId: config.client_id,
    now: deps.now,
  })

  const exchange = async (trip: Trip, answer: URLSearchParams): Promise<Proof> => {
    const found = await discovered()
    const tokens = await client.authorizationCodeGrant(found, new URL(`${deps.callback}?${answer.toString()}`), {
      pkceCodeVerifier: trip.verifier,
      expectedState: trip.state,
      expectedNonce: trip.nonce,
      idTokenExpected: true,
      ...(trip.fresh && { maxAge: freshSeconds }),
    })
    const claims = tokens.claims()
    if (!claims) throw new Problem('provider_failed', 'The provider sent no ID token')
    const slip = faultOfTimes(claims as JsonObject)
    if (slip !== undefined) throw new Problem('provider_failed', `The ID token is malformed: ${slip}`)
    const subject = claims[config.subject_claim]
    if (typeof subject !== 'string' || subject === '')
      throw new Problem(
        'provider_failed',
        `The ID token does not have the claim "${config.subject_claim}", which names the person`,
      )
    const more = config.userinfo ? await client.fetchUserInfo(found, tokens.access_token, claims.sub) : {}
    // Both are JSON of the provider, with names that only it knows. The ID token is signed: it has the last word.
    const all = { ...more, ...claims } as JsonObject
    return {
      subject,
      claims: all,
      evidence: config.session_check === 'off' ? undefined : tokens.refresh_token,
      sid: text(claims['sid']),
      idToken: tokens.id_token,
      authenticated: typeof claims.auth_time === 'number' ? Math.floor(claims.auth_time * 1000) : undefined,
    }
  }

  /** A refresh token stands for the session that it came of. It is renewed in time, or where that is the only way to ask. */
  const ask: Asker['ask'] = async (token) => {
    const found = await discovered()
    if (found.serverMetadata().introspection_endpoint !== undefined) {
      const { active, exp } = await client.tokenIntrospection(found, token, { token_type_hint: 'refresh_token' })
      if (active && (exp === undefined || exp * 1000 - deps.now() > renewMs)) return { stands: true }
    }
    try {
      return { stands: true, evidence: (await client.refreshTokenGrant(found, token)).refresh_token }
    } catch (error) {
      if (error instanceof client.ResponseBodyError && error.error === 'invalid_grant') return { stands: false }
      throw error
    }
  }

  const browser: BrowserProvider = {
    id: config.id,
    name: config.name ?? config.id,
    icon: config.icon,
    brand: config.brand,
    backchannelLogout: config.backchannel_logout,
    leave: async (trip) =>
      client.buildAuthorizationUrl(await discovered(), {
        redirect_uri: deps.callback,
        response_type: 'code',
        scope: config.scopes.join(' '),
        state: trip.state,
        nonce: trip.nonce,
        code_challenge: await client.calculatePKCECodeChallenge(trip.verifier),
        code_challenge_method: 'S256',
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
    readLogout: async (form) => {
      const token = field(form, 'logout_token')
      if (token === undefined) throw new Problem('bad_request', '"logout_token" is missing')
      try {
        const { sid, subject } = await readLogout(token)
        if (config.subject_claim === 'sub') return [{ sid, subject, unnamed: true }]
        // What it calls the person is not what they are known by here.
        if (sid === undefined)
          throw new Problem(
            'not_allowed',
            `The logout token names a person by "sub", and people are known here by "${config.subject_claim}": have the provider send "sid"`,
          )
        return [{ sid }]
      } catch (error) {
        throw problemOf(error)
      }
    },
  }
  return {
    id: config.id,
    browser,
    ...(config.session_check !== 'off' &&
      config.client_secret !== undefined && {
        asker: {
          provider: config.id,
          about: 'session' as const,
          everyMs: config.session_check,
          secret: config.client_secret,
          ask,
        },
      }),
  }
}
