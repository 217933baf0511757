import type { LogTx } from '../streams/index.ts'
import type { Account } from '../users/index.ts'
import type { SessionParts } from './deps.ts'
import type { TokenForm, Tokens } from './session.ts'
import { addToken } from './store/access.ts'
import { addRefresh } from './store/refresh.ts'
import { hashToken, makeFamily, makeRefreshToken, makeToken } from './tokens.ts'

/** What making tokens takes. */
export type MintDeps = Pick<SessionParts, 'config' | 'now' | 'randomId' | 'tokenIds'>

/** What tokens are to be like. */
interface MintOptions {
  readonly refresh: boolean
  readonly supersedes: number | null
  readonly until: number | undefined
  readonly form: TokenForm | undefined
  /** What the refresh tokens of the session have in common; undefined: it is a new one. */
  readonly family?: string | undefined
  /** 256 bits for a token; undefined: random ones. */
  readonly bits?: ((kind: 'access' | 'refresh') => string) | undefined
}

/** How long an access token lives: as configured for clients that know how to refresh, and no longer than the session. */
const lifetimeOf = (
  { config, now }: Pick<MintDeps, 'config' | 'now'>,
  { refresh, until, form }: Pick<MintOptions, 'refresh' | 'until' | 'form'>,
) => {
  const usual = config.access_token_lifetime === 'off' ? undefined : config.access_token_lifetime
  const lifetime = refresh ? (form?.lifetime ?? usual) : undefined
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
  options: MintOptions,
): Promise<Minted> => {
  const now = deps.now()
  const { expiresInMs, refreshable } = lifetimeOf(deps, options)
  const bits = options.bits ?? deps.randomId
  const family = options.form?.family ?? options.family ?? makeFamily(deps.randomId)
  const accessToken = makeToken('access', () => bits('access'))
  const refreshToken = refreshable
    ? makeRefreshToken(options.form ? 'oauth' : 'matrix', family, () => bits('refresh'))
    : undefined
  const hash = hashToken(accessToken)
  const expires = expiresInMs === undefined ? null : now + expiresInMs
  const id = deps.tokenIds.next()
  await addToken(tx.sql, { id, hash, user: account.nid, device, now, expires, supersedes: options.supersedes })
  if (refreshToken !== undefined) {
    await addRefresh(tx.sql, {
      id: deps.tokenIds.next(),
      hash: hashToken(refreshToken),
      family: hashToken(family),
      user: account.nid,
      device,
      access: id,
      now,
      until: options.until,
    })
  }
  return { id, hash, expires, tokens: { accessToken, refreshToken, expiresInMs } }
}
