import type { PushersTable, Reader, Tx } from '../../storage/index.ts'
import { hot } from '../../storage/index.ts'

export type PusherRow = Readonly<Omit<PushersTable, 'nid'> & { nid: number }>

const byNid = hot((db, p: { nid: number }) => db.selectFrom('pushers').where('nid', '=', p.nid).selectAll())

/** A pusher; undefined when it is gone. */
export const readPusher = (db: Reader, nid: number): Promise<PusherRow | undefined> => byNid.first(db, { nid })

export const readPushersOf = (db: Reader | Tx, user: number): Promise<PusherRow[]> =>
  db.selectFrom('pushers').where('user_nid', '=', user).orderBy('nid').selectAll().execute()

/** Who has pushers, and which. */
export const readAllPushers = (
  db: Reader,
): Promise<Array<Pick<PusherRow, 'nid' | 'user_nid' | 'device_nid' | 'kind'>>> =>
  db.selectFrom('pushers').select(['nid', 'user_nid', 'device_nid', 'kind']).execute()

/** Makes a pusher, or replaces the user's own of that app and key. Returns its short id. */
export async function putPusher(tx: Tx, pusher: Omit<PusherRow, 'nid'>): Promise<number> {
  const { user_nid: _user, app_id: _app, pushkey: _key, ...rest } = pusher
  const { nid } = await tx
    .insertInto('pushers')
    .values(pusher)
    .onConflict((conflict) => conflict.columns(['user_nid', 'app_id', 'pushkey']).doUpdateSet(rest))
    .returning('nid')
    .executeTakeFirstOrThrow()
  return nid
}

/** Everyone's with that app and key. */
export const readPushersWith = (
  tx: Tx,
  appId: string,
  pushkey: string,
): Promise<Array<{ nid: number; user_nid: number }>> =>
  tx
    .selectFrom('pushers')
    .where('app_id', '=', appId)
    .where('pushkey', '=', pushkey)
    .select(['nid', 'user_nid'])
    .execute()

export const readPushersOfDevices = (
  tx: Tx,
  devices: readonly number[],
): Promise<Array<{ nid: number; user_nid: number }>> =>
  tx.selectFrom('pushers').where('device_nid', 'in', devices).select(['nid', 'user_nid']).execute()

export async function deletePusher(tx: Tx, nid: number): Promise<void> {
  await tx.deleteFrom('pushers').where('nid', '=', nid).execute()
  await tx.deleteFrom('pusher_rooms').where('pusher_nid', '=', nid).execute()
}

const cursor = 'push_position'

/** Position up to which events have been looked at for pushers; undefined: never. */
export async function readCursor(db: Reader): Promise<number | undefined> {
  const row = await db.selectFrom('meta').where('key', '=', cursor).select('value').executeTakeFirst()
  return row && Number(row.value)
}

export async function writeCursor(tx: Tx, position: number): Promise<void> {
  const value = String(position)
  await tx
    .insertInto('meta')
    .values({ key: cursor, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute()
}
