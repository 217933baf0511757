import { MatrixError } from '../matrix/errors.ts'
import type { LogTx } from '../streams/index.ts'
import { type Account, gate } from '../users/index.ts'
import type { SessionParts } from './deps.ts'
import { mint, type MintDeps } from './mint.ts'
import type { TokenForm, Tokens } from './session.ts'
import { expireTokens, readToken } from './store/access.ts'
import {
  confirmToken,
  deleteExchanged,
  readFamily,
  readRefresh,
  readUnconfirmed,
  type RefreshRow,
  setSalt,
} from './store/refresh.ts'
import { bitsOfSuccessor, familyOf, hashToken, isOAuthRefresh, makeRefreshToken, makeToken } from './tokens.ts'

/** What refreshing takes. */
export type RefreshDeps = MintDeps &
  Pick<SessionParts, 'database' | 'log' | 'users' | 'cache' | 'standing' | 'logger' | 'randomId'>

/** How long a refresh token that was used up gets the same answer again, in ms: an answer may be lost, or two windows of one client may ask at once. */
export const reuseGraceMs = 60_000

const isUsedUp = ({ used_ts: used }: RefreshRow, now: number): boolean => used !== null && now - used > reuseGraceMs

const unknownToken = (): MatrixError => new MatrixError('M_UNKNOWN_TOKEN', 'This refresh token is not valid')
const hasEnded = (): MatrixError =>
  new MatrixError('M_UNKNOWN_TOKEN', 'This session has ended: sign in again', { extra: { soft_logout: true } })

/**
 * A refresh token that was used up, and comes again, is a copy, or what it was copied from: nobody knows which, and the session ends,
 * softly, so that its owner keeps the keys of the device.
 * @see https://datatracker.ietf.org/doc/html/rfc9700#section-4.14.2
 */
const refuseReused = async (deps: RefreshDeps, token: string, known?: RefreshRow): Promise<never> => {
  const family = familyOf(token)
  const found = known ?? (family === undefined ? undefined : await readFamily(deps.database.read, hashToken(family)))
  // Sessions of OAuth 2.0 are ended by oauth/.
  if (!found || isOAuthRefresh(token)) throw unknownToken()
  const device = found.device_nid
  if (found.expires_ts === null || found.expires_ts > deps.now()) {
    await deps.log.write((tx) => expireTokens(tx.sql, [device], deps.now()))
    deps.cache.revokeDevices([device])
    deps.logger.warn(
      { user: found.user_nid, device },
      'a refresh token came that was used up already: the session has been ended',
    )
  }
  throw hasEnded()
}

/** The tokens that a refresh token was exchanged for before, where one of them has been used since; undefined when they are gone. */
const sameAgain = async (
  { now }: Pick<RefreshDeps, 'now'>,
  tx: LogTx,
  accessToken: string,
  refreshToken: string,
): Promise<Tokens | undefined> => {
  const access = await readToken(tx.sql, hashToken(accessToken))
  if (!access) return undefined
  return {
    accessToken,
    refreshToken: (await readRefresh(tx.sql, hashToken(refreshToken))) && refreshToken,
    expiresInMs: access.expires_ts === null ? undefined : Math.max(1, access.expires_ts - now()),
  }
}

/** Inside the write: the same tokens each time, so that whoever asks at once, or again, never holds a pair that another has put out of use. */
const exchange = async (
  deps: RefreshDeps,
  tx: LogTx,
  token: string,
  refresh: RefreshRow,
  account: Account,
  form: TokenForm | undefined,
): Promise<Tokens | undefined> => {
  const salt = refresh.salt ?? deps.randomId()
  if (refresh.salt === null) await setSalt(tx.sql, refresh.id, salt)
  const bits = (kind: 'access' | 'refresh'): string => bitsOfSuccessor(token, salt, kind)
  // A token from before there were families begins one that can be found by whoever has the token.
  const family = form?.family ?? familyOf(token) ?? bits('refresh').slice(0, 22)
  if (refresh.used_ts !== null) {
    const next = makeRefreshToken(form ? 'oauth' : 'matrix', family, () => bits('refresh'))
    return sameAgain(
      deps,
      tx,
      makeToken('access', () => bits('access')),
      next,
    )
  }
  await deleteExchanged(tx.sql, refresh)
  const { tokens } = await mint(deps, tx, account, refresh.device_nid, {
    refresh: true,
    supersedes: refresh.id,
    until: refresh.expires_ts ?? undefined,
    form,
    family,
    bits,
  })
  return tokens
}

/**
 * Exchanges a refresh token. It stays valid, and so does the access token before, until one of the new tokens is used: a client
 * that never got the answer can ask again, and gets the same. Long after that, it ends the session.
 * @param form for a token of OAuth 2.0, which nothing else exchanges
 * @see https://spec.matrix.org/v1.19/client-server-api/#refreshing-access-tokens
 */
export const refreshSession = async (deps: RefreshDeps, token: string, form?: TokenForm): Promise<Tokens> => {
  if (isOAuthRefresh(token) !== (form !== undefined)) throw unknownToken()
  const hash = hashToken(token)
  const found = await readRefresh(deps.database.read, hash)
  if (!found) return refuseReused(deps, token)
  const account = await deps.users.account(found.user_nid)
  if (!account) throw unknownToken()
  gate(account, 'use')
  if (found.expires_ts !== null && found.expires_ts <= deps.now()) throw hasEnded()
  await deps.standing().holdsDevice(found.device_nid)
  const done = await deps.log.write(async (tx) => {
    // Read again inside: another request may have ended it since.
    const refresh = await readRefresh(tx.sql, hash)
    if (!refresh || isUsedUp(refresh, deps.now())) return undefined
    const unconfirmed = await readUnconfirmed(tx.sql, refresh.access_id)
    const ended = unconfirmed && (await confirmToken(tx.sql, unconfirmed, deps.now()))
    const tokens = await exchange(deps, tx, token, refresh, account, form)
    return tokens && { tokens, ended }
  })
  if (!done) return refuseReused(deps, token, found)
  if (done.ended !== undefined) deps.cache.supersede(account.nid, done.ended)
  return done.tokens
}
