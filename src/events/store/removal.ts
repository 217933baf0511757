import { sql } from 'kysely'
import type { Reader, Tx } from '../../storage/index.ts'
import { deleteResets } from './resets.ts'

/** Some events of a room, those without a place in the log last. */
export async function readSomeEvents(
  db: Reader | Tx,
  room: number,
  limit: number,
): Promise<{ nid: number; state_nid: number | null }[]> {
  const query = db.selectFrom('events').where('room_nid', '=', room).limit(limit).select(['nid', 'state_nid'])
  const placed = await query.where('position', 'is not', null).execute()
  return placed.length > 0 ? placed : query.where('position', 'is', null).execute()
}

/** Messages (no state) of a room between two positions, oldest first; `foreign`: only those of users of other servers. */
export const readOldMessages = (
  db: Reader | Tx,
  p: { room: number; after: number; before: number; foreign: boolean; limit: number },
): Promise<{ nid: number; position: number | null; foreign: number }[]> =>
  db
    .selectFrom('events')
    .leftJoin('accounts', 'accounts.user_nid', 'events.sender_nid')
    .where('room_nid', '=', p.room)
    .where('position', '>', p.after)
    .where('position', '<', p.before)
    .where('state_key', 'is', null)
    .$if(p.foreign, (query) => query.where('accounts.user_nid', 'is', null))
    .orderBy('position')
    .limit(p.limit)
    .select(['nid', 'position', sql<number>`case when accounts.user_nid is null then 1 else 0 end`.as('foreign')])
    .execute()

/** Deletes events with all that is kept for them alone: relations, and what the index of texts has. */
export async function deleteEvents(tx: Tx, nids: readonly number[]): Promise<void> {
  if (nids.length === 0) return
  await tx.deleteFrom('relations').where('event_nid', 'in', nids).execute()
  const rows = nids.flatMap((nid) => [2 * nid, 2 * nid + 1])
  await tx.deleteFrom('search_index').where('rowid', 'in', rows).execute()
  await tx.deleteFrom('search_edits').where('edit_nid', 'in', nids).execute()
  await tx.deleteFrom('events').where('nid', 'in', nids).execute()
}

/** Deletes state sets with all that they are made of. The empty set belongs to all rooms, and stays. */
export async function deleteStateSets(tx: Tx, nids: readonly number[]): Promise<number[]> {
  if (nids.length === 0) return []
  const wanted = sql.join(nids)
  const found = await sql<{ nid: number }>`with recursive up (nid, parent_nid) as (
      select nid, parent_nid from state_sets where nid in (${wanted})
      union select s.nid, s.parent_nid from state_sets s join up on s.nid = up.parent_nid)
    select nid from up`.execute(tx)
  const all = found.rows.map((row) => row.nid)
  if (all.length > 0) await tx.deleteFrom('state_sets').where('nid', 'in', all).where('delta', '<>', '[]').execute()
  return all
}

export async function deleteRoomRow(tx: Tx, room: number): Promise<void> {
  await deleteResets(tx, room)
  const row = await tx.deleteFrom('rooms').where('nid', '=', room).returning('state_nid').executeTakeFirst()
  if (row) await deleteStateSets(tx, [row.state_nid])
}

/** Some of the users that the room has a membership of. */
export const readSomeMembers = async (db: Reader | Tx, room: number, limit: number): Promise<number[]> =>
  (await db.selectFrom('memberships').where('room_nid', '=', room).limit(limit).select('user_nid').execute()).map(
    (row) => row.user_nid,
  )

export async function deleteMembers(tx: Tx, room: number, users: readonly number[]): Promise<void> {
  if (users.length > 0)
    await tx.deleteFrom('memberships').where('room_nid', '=', room).where('user_nid', 'in', users).execute()
}
