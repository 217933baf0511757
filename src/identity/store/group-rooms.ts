import type { Reader, Tx } from '../../storage/index.ts'

/** A room that somebody is in because of a group. */
export interface GroupRow {
  readonly roomId: string
  /** As the configuration names it: an alias or id. */
  readonly named: string
  readonly power: number | null
  readonly leave: boolean
}

export const readGroupRooms = async (db: Reader, user: number, provider: string): Promise<GroupRow[]> => {
  const rows = await db
    .selectFrom('group_rooms')
    .where('user_nid', '=', user)
    .where('provider', '=', provider)
    .selectAll()
    .execute()
  return rows.map((row) => ({ roomId: row.room_id, named: row.named, power: row.power, leave: row.leave === 1 }))
}

export const saveGroupRoom = async (
  tx: Tx,
  { user, provider, roomId, named, power, leave }: GroupRow & { user: number; provider: string },
): Promise<void> => {
  const values = { named, power, leave: leave ? 1 : 0 }
  await tx
    .insertInto('group_rooms')
    .values({ user_nid: user, provider, room_id: roomId, ...values })
    .onConflict((conflict) => conflict.columns(['user_nid', 'provider', 'room_id']).doUpdateSet(values))
    .execute()
}

export const removeGroupRoom = async (tx: Tx, user: number, provider: string, roomId: string): Promise<void> => {
  await tx
    .deleteFrom('group_rooms')
    .where('user_nid', '=', user)
    .where('provider', '=', provider)
    .where('room_id', '=', roomId)
    .execute()
}
