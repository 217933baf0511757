import { hash } from 'node:crypto'

/** What a token opens. The prefix tells kinds apart and lets secret scanners know them; the rest is 256 random bits. */
const prefixes = {
  access: 'lka_',
  refresh: 'lkr_',
  login: 'lkl_',
  code: 'lkc_',
  device: 'lkd_',
} as const
/** What refresh tokens of OAuth 2.0 begin with: they are good for its clients alone. */
export const oauthRefreshPrefix = 'lko_'

/** A new opaque token. `randomId` gives 256 bits, URL-safe. */
export const makeToken = (kind: keyof typeof prefixes, randomId: () => string): string => prefixes[kind] + randomId()

/** What is stored and remembered in place of a token. A token has 256 random bits, so that a plain hash is enough. */
export const hashToken = (token: string): string => hash('sha256', token, 'base64url')
