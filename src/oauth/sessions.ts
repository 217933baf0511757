import { MatrixError } from '../matrix/errors.ts'
import {
  familyOf as familyOfAny,
  hashToken,
  isOAuthRefresh,
  makeFamily,
  type WantedSession,
} from '../sessions/index.ts'
import type { OAuthContext } from './deps.ts'
import { OAuthError } from './error.ts'
import { hasOpenid, type Scope } from './scope.ts'
import { type OAuthSession, putSession, readByFamily, readSession } from './store/sessions.ts'

/** What every refresh token of the session has in common; undefined for what is no refresh token of OAuth 2.0. */
export const familyOf = (token: string): string | undefined => (isOAuthRefresh(token) ? familyOfAny(token) : undefined)

/** What a client gets. @see https://datatracker.ietf.org/doc/html/rfc6749#section-5.1 */
export interface TokenReply {
  readonly access_token: string
  readonly token_type: 'Bearer'
  readonly expires_in?: number
  readonly refresh_token?: string
  readonly scope: string
  readonly id_token?: string
}

/** What a session is opened with. */
export interface Opening {
  /** Empty for who came without being any client. */
  readonly clientId: string
  readonly clientName: string | undefined
  readonly scope: Scope
  readonly ip: string
  readonly userAgent: string | undefined
  /** What it is opened by, as it is stored: whoever brings that again ends it. */
  readonly codeHash?: string | undefined
  /** When the user last showed who they are, in ms. */
  readonly authenticated?: number | undefined
}

/**
 * The session to be opened, with tokens as OAuth 2.0 wants them: short-lived, and always with a refresh token. What it came of is noted
 * in the write that opens it.
 */
export const wantedOf = (
  { config, now, randomId }: Pick<OAuthContext, 'config' | 'now' | 'randomId'>,
  { clientId, clientName, scope, ip, userAgent, codeHash, authenticated }: Opening,
): WantedSession => {
  const family = makeFamily(randomId)
  return {
    deviceId: scope.deviceId,
    displayName: clientName,
    refresh: true,
    ip,
    userAgent,
    form: { lifetime: config.oauth.access_token_lifetime, family },
    within: (tx, { device }) =>
      putSession(tx, {
        device_nid: device,
        client_id: clientId,
        scope: scope.text,
        family_hash: hashToken(family),
        code_hash: codeHash ?? null,
        auth_ts: authenticated ?? null,
        created_ts: now(),
      }),
  }
}

/** The answer of the token endpoint. */
export const tokenReply = (
  tokens: { accessToken: string; refreshToken: string | undefined; expiresInMs: number | undefined },
  scope: string,
  idToken?: string,
): TokenReply => ({
  access_token: tokens.accessToken,
  token_type: 'Bearer',
  ...(tokens.expiresInMs !== undefined && { expires_in: Math.max(1, Math.floor(tokens.expiresInMs / 1000)) }),
  ...(tokens.refreshToken !== undefined && { refresh_token: tokens.refreshToken }),
  scope,
  ...(idToken !== undefined && { id_token: idToken }),
})

/**
 * What a client with `openid` learns of the user.
 * @see https://openid.net/specs/openid-connect-core-1_0.html#IDToken
 */
export const idTokenFor = async (
  context: OAuthContext,
  signing: 'RS256' | 'ES256',
  of: {
    clientId: string
    scope: string
    userId: string
    nonce?: string | null | undefined
    authenticated: number | null
  },
): Promise<string | undefined> => {
  if (!hasOpenid(of.scope) || of.clientId === '') return undefined
  const now = Math.floor(context.now() / 1000)
  return context.keys.sign(signing, {
    iss: context.issuer,
    sub: of.userId,
    aud: of.clientId,
    iat: now,
    exp: now + 600,
    ...(of.authenticated !== null && { auth_time: Math.floor(of.authenticated / 1000) }),
    ...(typeof of.nonce === 'string' && { nonce: of.nonce }),
  })
}

/** Ends a session, and its device with it. */
export const endSession = async (
  { log, devices }: Pick<OAuthContext, 'log' | 'devices'>,
  { user, deviceId }: { user: number; deviceId: string },
): Promise<void> => {
  await log.write((tx) => devices.delete(tx, user, [deviceId]))
}

/**
 * Exchanges a refresh token of a client. The old one works until a new one was used, and a little longer; one that was used up, and comes
 * again, ends the session: somebody has a copy.
 * @throws OAuthError invalid_grant; MatrixError as the account gate does
 * @see https://datatracker.ietf.org/doc/html/rfc9700#section-4.14.2
 */
export const refresh = async (
  context: OAuthContext,
  refreshToken: string,
  clientId: string,
  asked: string | undefined,
  trace: string,
): Promise<{ session: OAuthSession; tokens: Parameters<typeof tokenReply>[0] }> => {
  const refused = (cause?: unknown): OAuthError =>
    new OAuthError('invalid_grant', 'This refresh token is not valid: the session has ended', { cause })
  const family = familyOf(refreshToken)
  const found = family === undefined ? undefined : await readByFamily(context.database.read, hashToken(family))
  const session = found && (await readSession(context.database.read, found.device))
  if (family === undefined || !found || !session || session.client_id !== clientId) throw refused()
  const granted = session.scope.split(' ')
  if (asked?.split(' ').some((part) => part !== '' && !granted.includes(part)))
    throw new OAuthError('invalid_scope', 'The scope has more than the user has agreed to')
  try {
    const tokens = await context.sessions.refresh(refreshToken, {
      lifetime: context.config.oauth.access_token_lifetime,
      family,
    })
    return { session, tokens }
  } catch (error) {
    if (!(error instanceof MatrixError) || error.errcode !== 'M_UNKNOWN_TOKEN') throw error
    // A session that has run its time is over by itself, and its keys are left to whoever signs in again.
    if (error.extra['soft_logout'] !== true) {
      await endSession(context, found)
      context.logger.warn(
        { trace, user: found.user, device: found.deviceId, client: clientId },
        'a refresh token came that was used up already: the session has been ended',
      )
    }
    throw refused(error)
  }
}
