import type { Session } from '../http/index.ts'
import type { Tx } from '../storage/index.ts'
import type { Account } from '../users/index.ts'
import type { ProviderSession } from './store/origins.ts'

/** Tokens that are other than those of `POST /login`. */
export interface TokenForm {
  /** How long an access token lives, in ms. */
  readonly lifetime: number
  /** What every refresh token of the session begins with, so that one that was used up is known as one of them. */
  readonly family: string
}

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
  /** Undefined: tokens as `POST /login` gives them. */
  form?: TokenForm | undefined
  /** Runs in the write that opens the session, for what is kept of it elsewhere. */
  within?: ((tx: Tx, opened: { device: number }) => Promise<void>) | undefined
}

/** Whose a token is, and how long it is good (ms; undefined: until somebody ends it). */
export interface TokenOwner {
  readonly user: number
  readonly device: number | undefined
  readonly deviceId: string | undefined
  readonly expires: number | undefined
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
  ...(account.shadowBanned && { shadowBanned: true }),
  ...(account.rate && { rate: account.rate }),
})
