import type { Reader, Tx } from '../../storage/index.ts'
import type { TokenOwner } from '../session.ts'
import { readToken } from './access.ts'

const ownerOf = (row: {
  user_nid: number
  device_nid: number | null
  device_id: string | null
  expires_ts: number | null
}): TokenOwner => ({
  user: row.user_nid,
  device: row.device_nid ?? undefined,
  deviceId: row.device_id ?? undefined,
  expires: row.expires_ts ?? undefined,
})

/** Whose an access token or refresh token is; undefined for one that was used up. */
export async function readTokenOwner(db: Reader | Tx, hash: string): Promise<TokenOwner | undefined> {
  const access = await readToken(db, hash)
  if (access) return ownerOf(access)
  const refresh = await db
    .selectFrom('refresh_tokens')
    .innerJoin('devices', 'devices.nid', 'refresh_tokens.device_nid')
    .where('token_hash', '=', hash)
    .where('used_ts', 'is', null)
    .select(['refresh_tokens.user_nid', 'refresh_tokens.device_nid', 'devices.device_id', 'expires_ts'])
    .executeTakeFirst()
  return refresh && ownerOf(refresh)
}

/** When an access token runs out (ms; null: never); undefined for one that is gone. */
export async function readExpiry(tx: Tx, id: number): Promise<{ expires: number | null } | undefined> {
  const row = await tx.selectFrom('access_tokens').where('id', '=', id).select('expires_ts').executeTakeFirst()
  return row && { expires: row.expires_ts }
}

/**
 * Deletes the access tokens of a device that have run out, but for those that a refresh token belongs to: whoever brings these is told to
 * refresh. Returns how many are left that are good.
 */
export async function clearDerived(tx: Tx, device: number, own: number, now: number): Promise<number> {
  await tx
    .deleteFrom('access_tokens')
    .where('device_nid', '=', device)
    .where('id', '<>', own)
    .where('expires_ts', '<=', now)
    .where('supersedes_id', 'is', null)
    .where('id', 'not in', (of) => of.selectFrom('refresh_tokens').where('device_nid', '=', device).select('access_id'))
    .execute()
  const left = await tx
    .selectFrom('access_tokens')
    .where('device_nid', '=', device)
    .where((of) => of.or([of('expires_ts', 'is', null), of('expires_ts', '>', now)]))
    .select((of) => of.fn.countAll().as('count'))
    .executeTakeFirst()
  return Number(left?.count ?? 0)
}
