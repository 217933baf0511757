import { createHmac, hash } from 'node:crypto'

/** What a token opens. The prefix tells kinds apart and lets secret scanners know them; the rest is 256 random bits. */
const prefixes = {
  access: 'lka_',
  refresh: 'lkr_',
  login: 'lkl_',
  code: 'lkc_',
  device: 'lkd_',
} as const
/** What refresh tokens of OAuth 2.0 begin with: they are good for its clients alone. */
const oauthRefreshPrefix = 'lko_'
/** Of 256 random bits in base64url, those that stay the same in every refresh token of a session. */
const familyLength = 22
const refreshPattern = new RegExp(
  `^(${prefixes.refresh}|${oauthRefreshPrefix})([A-Za-z0-9_-]{${familyLength}})[A-Za-z0-9_-]{43}$`,
)

/** A new opaque token. `randomId` gives 256 bits, URL-safe. */
export const makeToken = (kind: keyof typeof prefixes, randomId: () => string): string => prefixes[kind] + randomId()

/** Begins the refresh tokens of a session. */
export const makeFamily = (randomId: () => string): string => randomId().slice(0, familyLength)

/** A new refresh token: what stays the same in all of its session, and 256 bits of its own. */
export const makeRefreshToken = (kind: 'matrix' | 'oauth', family: string, randomId: () => string): string =>
  `${kind === 'oauth' ? oauthRefreshPrefix : prefixes.refresh}${family}${randomId()}`

/** Which kind of client a refresh token is for. */
export const isOAuthRefresh = (token: string): boolean => token.startsWith(oauthRefreshPrefix)

/** What every refresh token of the session has in common; undefined for what is no such token. */
export const familyOf = (token: string): string | undefined => refreshPattern.exec(token)?.[2]

/**
 * 256 bits for a token that a refresh token is exchanged for: the same each time for the same salt. Who has the token without the salt, or
 * the salt without the token, knows nothing.
 */
export const bitsOfSuccessor = (refreshToken: string, salt: string, kind: 'access' | 'refresh'): string =>
  createHmac('sha256', refreshToken).update(`${kind} ${salt}`).digest('base64url')

/** What is stored and remembered in place of a token. A token has 256 random bits, so that a plain hash is enough. */
export const hashToken = (token: string): string => hash('sha256', token, 'base64url')
