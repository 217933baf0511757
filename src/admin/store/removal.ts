import type { Tx } from '../../storage/index.ts'

/** Deletes what users keep of a room that is being removed: account data, receipts, what is to be sent later, memberships by groups. */
export const deleteOfMembers =
  (room: number, roomId: string) =>
  async (tx: Tx, users: readonly number[]): Promise<void> => {
    await tx.deleteFrom('account_data').where('user_nid', 'in', users).where('room_nid', '=', room).execute()
    await tx.deleteFrom('receipts').where('room_nid', '=', room).where('user_nid', 'in', users).execute()
    await tx.deleteFrom('delayed_events').where('user_nid', 'in', users).where('room_id', '=', roomId).execute()
    await tx.deleteFrom('group_rooms').where('user_nid', 'in', users).where('room_id', '=', roomId).execute()
    await tx
      .deleteFrom('pusher_rooms')
      .where('room_nid', '=', room)
      .where('pusher_nid', 'in', tx.selectFrom('pushers').where('user_nid', 'in', users).select('nid'))
      .execute()
  }

/** Deletes some of what else there is of the room. False when there was nothing. */
export async function deleteOfRoom(tx: Tx, room: number, roomId: string, limit: number): Promise<boolean> {
  await tx.deleteFrom('aliases').where('room_nid', '=', room).execute()
  await tx.deleteFrom('appservice_rooms').where('room_nid', '=', room).execute()
  const readers = await tx.selectFrom('receipts').where('room_nid', '=', room).limit(limit).select('user_nid').execute()
  if (readers.length > 0) {
    const users = readers.map((row) => row.user_nid)
    await tx.deleteFrom('receipts').where('room_nid', '=', room).where('user_nid', 'in', users).execute()
  }
  const reports = await tx
    .selectFrom('reports')
    .where((row) => row.or([row('room_id', '=', roomId), row('target', '=', roomId)]))
    .limit(limit)
    .select('nid')
    .execute()
  if (reports.length > 0)
    await tx
      .deleteFrom('reports')
      .where(
        'nid',
        'in',
        reports.map((row) => row.nid),
      )
      .execute()
  return readers.length + reports.length > 0
}
