import type { Reader, Tx } from '../../storage/index.ts'
import { deleteToken } from './access.ts'

/** A stored refresh token. */
export interface RefreshRow {
  id: number
  user_nid: number
  device_nid: number
  access_id: number
  expires_ts: number | null
  salt: string | null
  used_ts: number | null
}

const columns = ['id', 'user_nid', 'device_nid', 'access_id', 'expires_ts', 'salt', 'used_ts'] as const

export const readRefresh = (db: Reader | Tx, hash: string): Promise<RefreshRow | undefined> =>
  db.selectFrom('refresh_tokens').where('token_hash', '=', hash).select(columns).executeTakeFirst()

/** A refresh token of a session that is still there, by what all of its tokens have in common. */
export const readFamily = (db: Reader, familyHash: string): Promise<RefreshRow | undefined> =>
  db
    .selectFrom('refresh_tokens')
    .where('family_hash', '=', familyHash)
    .select(columns)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()

/** Keeps what gives, with the token itself, those that it is exchanged for. */
export async function setSalt(tx: Tx, id: number, salt: string): Promise<void> {
  await tx.updateTable('refresh_tokens').set({ salt }).where('id', '=', id).execute()
}

export async function addRefresh(
  tx: Tx,
  token: {
    id: number
    hash: string
    family: string
    user: number
    device: number
    access: number
    now: number
    until: number | undefined
  },
): Promise<void> {
  await tx
    .insertInto('refresh_tokens')
    .values({
      id: token.id,
      token_hash: token.hash,
      family_hash: token.family,
      user_nid: token.user,
      device_nid: token.device,
      access_id: token.access,
      created_ts: token.now,
      expires_ts: token.until ?? null,
    })
    .execute()
}

/** Deletes what a refresh token was exchanged for so far: none of it was used, or it would not be valid any more. */
export async function deleteExchanged(tx: Tx, refresh: RefreshRow): Promise<void> {
  const earlier = await tx
    .deleteFrom('access_tokens')
    .where('device_nid', '=', refresh.device_nid)
    .where('supersedes_id', '=', refresh.id)
    .returning('id')
    .execute()
  if (earlier.length === 0) return
  await tx
    .deleteFrom('refresh_tokens')
    .where('device_nid', '=', refresh.device_nid)
    .where(
      'access_id',
      'in',
      earlier.map(({ id }) => id),
    )
    .execute()
}

/** How many pairs that were used up are remembered for each device: whoever brings an access token among them is told to refresh. */
const mostUsedUp = 4

/**
 * Ends the refresh token that an access token came of, and the access token before it. Returns the id of the latter, whose
 * session may still be in memory.
 */
export async function confirmToken(
  tx: Tx,
  token: { id: number; supersedes_id: number },
  now: number,
): Promise<number | undefined> {
  await tx.updateTable('access_tokens').set({ supersedes_id: null }).where('id', '=', token.id).execute()
  const [old] = await tx
    .updateTable('refresh_tokens')
    .set({ used_ts: now })
    .where('id', '=', token.supersedes_id)
    .where('used_ts', 'is', null)
    .returning(['access_id', 'device_nid'])
    .execute()
  if (!old) return undefined
  await tx.updateTable('access_tokens').set({ expires_ts: now }).where('id', '=', old.access_id).execute()
  await forgetUsedUp(tx, old.device_nid)
  return old.access_id
}

const forgetUsedUp = async (tx: Tx, device: number): Promise<void> => {
  const used = await tx
    .selectFrom('refresh_tokens')
    .where('device_nid', '=', device)
    .where('used_ts', 'is not', null)
    .select(['id', 'access_id'])
    .orderBy('id', 'desc')
    .execute()
  for (const { id, access_id } of used.slice(mostUsedUp)) {
    await tx.deleteFrom('refresh_tokens').where('id', '=', id).execute()
    await deleteToken(tx, access_id)
  }
}

/** The access token, where it still has a refresh token to end. */
export const readUnconfirmed = async (
  tx: Tx,
  id: number,
): Promise<{ id: number; supersedes_id: number } | undefined> => {
  const row = await tx
    .selectFrom('access_tokens')
    .where('id', '=', id)
    .select(['id', 'supersedes_id'])
    .executeTakeFirst()
  return row && row.supersedes_id !== null ? { id: row.id, supersedes_id: row.supersedes_id } : undefined
}
