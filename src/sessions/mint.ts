import type { LogTx } from '../streams/index.ts'
import type { Account } from '../users/index.ts'
import type { SessionParts } from './deps.ts'
import type { Tokens } from './session.ts'
import { addToken } from './store/access.ts'
import { addRefresh } from './store/refresh.ts'
import { hashToken, makeToken } from './tokens.ts'

/** What making tokens takes. */
export type MintDeps = Pick<SessionParts, 'config' | 'now' | 'randomId' | 'tokenIds'>

/** How long an access token lives: as configured for clients that know how to refresh, and no longer than the session. */
const lifetimeOf = (
  { config, now }: Pick<MintDeps, 'config' | 'now'>,
  { refresh, until }: { refresh: boolean; until: number | undefined },
) => {
  const lifetime = refresh && config.access_token_lifetime !== 'off' ? config.access_token_lifetime : undefined
  const left = until === undefined ? Infinity : Math.max(1, until - now())
  const expiresInMs = Math.min(lifetime ?? Infinity, left)
  return {
    expiresInMs: Number.isFinite(expiresInMs) ? expiresInMs : undefined,
    refreshable: lifetime !== undefined && lifetime < left,
  }
}

/** Tokens that are stored, with what the access token is remembered by. */
export interface Minted {
  readonly id: number
  readonly hash: string
  /** ms; null: never */
  readonly expires: number | null
  readonly tokens: Tokens
}

/** Makes an access token, and a refresh token where it runs out before its session does, inside a write. */
export const mint = async (
  deps: MintDeps,
  tx: LogTx,
  account: Account,
  device: number,
  options: { refresh: boolean; supersedes: number | null; until: number | undefined },
): Promise<Minted> => {
  const now = deps.now()
  const { expiresInMs, refreshable } = lifetimeOf(deps, options)
  const accessToken = makeToken('access', deps.randomId)
  const refreshToken = refreshable ? makeToken('refresh', deps.randomId) : undefined
  const hash = hashToken(accessToken)
  const expires = expiresInMs === undefined ? null : now + expiresInMs
  const id = deps.tokenIds.next()
  await addToken(tx.sql, { id, hash, user: account.nid, device, now, expires, supersedes: options.supersedes })
  if (refreshToken !== undefined) {
    await addRefresh(tx.sql, {
      id: deps.tokenIds.next(),
      hash: hashToken(refreshToken),
      user: account.nid,
      device,
      access: id,
      now,
      until: options.until,
    })
  }
  return { id, hash, expires, tokens: { accessToken, refreshToken, expiresInMs } }
}
