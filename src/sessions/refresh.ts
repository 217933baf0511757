import { MatrixError } from '../matrix/errors.ts'
import { gate } from '../users/index.ts'
import type { SessionParts } from './deps.ts'
import { mint, type MintDeps } from './mint.ts'
import type { TokenForm, Tokens } from './session.ts'
import { confirmToken, deleteExchanged, readRefresh, readUnconfirmed } from './store/refresh.ts'
import { hashToken, oauthRefreshPrefix } from './tokens.ts'

/** What refreshing takes. */
export type RefreshDeps = MintDeps & Pick<SessionParts, 'database' | 'log' | 'users' | 'cache' | 'standing'>

/**
 * Exchanges a refresh token. It stays valid, and so does the access token before, until one of the new tokens is used: a client
 * that never got the answer can ask again.
 * @param form for a token of OAuth 2.0, which nothing else exchanges
 * @see https://spec.matrix.org/v1.19/client-server-api/#refreshing-access-tokens
 */
export const refreshSession = async (deps: RefreshDeps, token: string, form?: TokenForm): Promise<Tokens> => {
  const hash = hashToken(token)
  const isKind = token.startsWith(oauthRefreshPrefix) === (form !== undefined)
  const found = isKind ? await readRefresh(deps.database.read, hash) : undefined
  const account = found && (await deps.users.account(found.user_nid))
  if (!account) throw new MatrixError('M_UNKNOWN_TOKEN', 'This refresh token is not valid')
  gate(account, 'use')
  if (found.expires_ts !== null && found.expires_ts <= deps.now()) {
    throw new MatrixError('M_UNKNOWN_TOKEN', 'This session has ended: sign in again', { extra: { soft_logout: true } })
  }
  await deps.standing().holdsDevice(found.device_nid)
  const { tokens, ended } = await deps.log.write(async (tx) => {
    // Read again inside: another request may have ended it since.
    const refresh = await readRefresh(tx.sql, hash)
    if (!refresh) throw new MatrixError('M_UNKNOWN_TOKEN', 'This refresh token is not valid')
    const unconfirmed = await readUnconfirmed(tx.sql, refresh.access_id)
    const ended = unconfirmed && (await confirmToken(tx.sql, unconfirmed))
    await deleteExchanged(tx.sql, refresh)
    const { tokens } = await mint(deps, tx, account, refresh.device_nid, {
      refresh: true,
      supersedes: refresh.id,
      until: refresh.expires_ts ?? undefined,
      form,
    })
    return { tokens, ended }
  })
  if (ended !== undefined) deps.cache.supersede(account.nid, ended)
  return tokens
}
