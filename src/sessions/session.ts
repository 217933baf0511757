import type { Session } from '../http/index.ts'
import type { Account } from '../users/index.ts'
import type { ProviderSession } from './store/origins.ts'

/** What a client says of the session that it wants. */
export interface WantedSession {
  deviceId: string | undefined
  displayName: string | undefined
  /** Whether the client knows how to refresh; if it does not, its token does not run out. */
  refresh: boolean
  ip: string
  userAgent: string | undefined
  /** The session at an identity provider that this one comes of, and ends with. */
  from?: ProviderSession | undefined
  /** When the session ends by itself, in ms; undefined: when somebody ends it. */
  until?: number | undefined
}

/** Tokens as they are handed to the client, and to nobody else ever again. */
export interface Tokens {
  accessToken: string
  refreshToken: string | undefined
  expiresInMs: number | undefined
}

/** A session that was just opened. */
export interface Opened extends Tokens {
  userId: string
  deviceId: string
}

/** What an access token of the account stands for. */
export const sessionOf = (
  account: Account,
  tokenId: number,
  device: number | null,
  deviceId: string | null,
): Session => ({
  user: account.nid,
  userId: account.userId,
  device,
  deviceId,
  tokenId,
  admin: account.admin,
  guest: account.guest,
  locked: account.locked,
  suspended: account.suspended,
})
