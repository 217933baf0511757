import { createRemoteJWKSet, customFetch, decodeJwt, jwtVerify } from 'jose'
import { faultOfTimes } from '../../identity/index.ts'
import { isObject, own } from '../../matrix/json.ts'
import { Problem } from '../problem.ts'
import type { LoggedOut } from '../browser.ts'

const event = 'http://schemas.openid.net/event/backchannel-logout'
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']
/** The oldest logout token that is taken, in ms; for as long its `jti` is remembered. */
const oldestMs = 5 * 60_000
const leewayMs = 60_000
const mostRemembered = 100_000
const longestToken = 16 * 1024

/** What reading logout tokens takes. */
export interface LogoutReaderDeps {
  issuer: () => Promise<{ name: string; keys: string }>
  fetch: (
    url: string,
    options: { method: string; headers: Record<string, string>; body: undefined; redirect: 'manual' },
  ) => Promise<Response>
  clientId: string
  now: () => number
}

const refuse = (message: string): Problem => new Problem('not_allowed', message)

/** The `jti`s that were seen, each until no token of its time is taken any more. */
const createSeen = (now: () => number) => {
  const seen = new Map<string, number>()
  return (jti: string): boolean => {
    for (const [old, until] of seen) {
      if (until > now() && seen.size <= mostRemembered) break
      seen.delete(old)
    }
    if (seen.has(jti)) return true
    seen.set(jti, now() + oldestMs + leewayMs)
    return false
  }
}

/**
 * Reads the tokens by which a provider says that a session has ended: signed by a key of its own, for us, just now, and once.
 * @see https://openid.net/specs/openid-connect-backchannel-1_0.html#Validation
 */
export const createLogoutReader = ({
  issuer,
  fetch,
  clientId,
  now,
}: LogoutReaderDeps): ((token: string) => Promise<LoggedOut>) => {
  const isSeen = createSeen(now)
  let held: { url: string; keys: ReturnType<typeof createRemoteJWKSet> } | undefined
  const keysOf = (url: string): ReturnType<typeof createRemoteJWKSet> => {
    if (held?.url !== url) {
      const ask = (address: string): Promise<Response> =>
        fetch(address, { method: 'GET', headers: { accept: 'application/json' }, body: undefined, redirect: 'manual' })
      held = { url, keys: createRemoteJWKSet(new URL(url), { [customFetch]: ask }) }
    }
    return held.keys
  }
  return async (token) => {
    if (token.length > longestToken) throw refuse('The logout token is too long')
    const slip = faultOfTimes(decodeJwt(token))
    if (slip !== undefined) throw refuse(`The logout token is malformed: ${slip}`)
    const { name, keys } = await issuer()
    const { payload } = await jwtVerify(token, keysOf(keys), {
      issuer: name,
      audience: clientId,
      algorithms,
      clockTolerance: leewayMs / 1000,
      maxTokenAge: oldestMs / 1000,
      currentDate: new Date(now()),
      requiredClaims: ['iat', 'jti', 'events'],
    })
    const { sub, jti, events } = payload
    const sid = payload['sid']
    if (!isObject(events) || !isObject(own(events, event))) throw refuse('The token is not a logout token')
    if ('nonce' in payload) throw refuse('The token has a nonce: it was made for signing in')
    if (sid !== undefined && typeof sid !== 'string') throw refuse('The "sid" of the logout token is not a string')
    if (sub === undefined && sid === undefined) throw refuse('The logout token names neither a session nor a person')
    // Last of all, so that only tokens that are good take up room.
    if (typeof jti !== 'string' || isSeen(jti)) throw refuse('The logout token was used before')
    return { sid, subject: sub }
  }
}
