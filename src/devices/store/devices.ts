import { hot, type DevicesTable, type Reader, type Tx } from '../../storage/index.ts'
import { deleteKeysOfDevices } from './device-keys.ts'

export type DeviceRow = Omit<DevicesTable, 'cut_token' | 'cut_position'>

const columns = [
  'nid',
  'user_nid',
  'device_id',
  'display_name',
  'created_ts',
  'last_seen_ts',
  'last_seen_ip',
  'user_agent',
] as const

const selectNid = hot((db, p: { user: number; deviceId: string }) =>
  db.selectFrom('devices').where('user_nid', '=', p.user).where('device_id', '=', p.deviceId).select('nid'),
)
const selectDevice = hot((db, p: { user: number; deviceId: string }) =>
  db.selectFrom('devices').where('user_nid', '=', p.user).where('device_id', '=', p.deviceId).select(columns),
)
const selectDevices = hot((db, p: { user: number }) =>
  db.selectFrom('devices').where('user_nid', '=', p.user).orderBy('nid').select(columns),
)
const selectNids = hot((db, p: { user: number }) =>
  db.selectFrom('devices').where('user_nid', '=', p.user).select(['nid', 'device_id']),
)
const countDevices = hot((db, p: { user: number }) =>
  db
    .selectFrom('devices')
    .where('user_nid', '=', p.user)
    .select((row) => row.fn.countAll<number>().as('count')),
)
const insert = hot((db, p: DeviceRow) =>
  db.insertInto('devices').values({
    nid: p.nid,
    user_nid: p.user_nid,
    device_id: p.device_id,
    display_name: p.display_name,
    created_ts: p.created_ts,
    last_seen_ts: p.last_seen_ts,
    last_seen_ip: p.last_seen_ip,
    user_agent: p.user_agent,
  }),
)
const updateSeen = hot((db, p: { nid: number; ts: number; ip: string; userAgent: string | null }) =>
  db
    .updateTable('devices')
    .where('nid', '=', p.nid)
    .set({ last_seen_ts: p.ts, last_seen_ip: p.ip, user_agent: p.userAgent }),
)
const upsertChange = hot((db, p: { user: number; position: number }) =>
  db
    .insertInto('device_list_changes')
    .values({ user_nid: p.user, position: p.position })
    .onConflict((conflict) =>
      conflict.column('user_nid').doUpdateSet((row) => ({ position: row.ref('excluded.position') })),
    ),
)
const selectChanges = hot((db, p: { since: number; until: number }) =>
  db
    .selectFrom('device_list_changes')
    .where('position', '>', p.since)
    .where('position', '<=', p.until)
    .select('user_nid'),
)

export const readDeviceNid = async (db: Reader | Tx, user: number, deviceId: string): Promise<number | undefined> =>
  (await selectNid.first(db, { user, deviceId }))?.nid

export const readDevice = (db: Reader, user: number, deviceId: string): Promise<DeviceRow | undefined> =>
  selectDevice.first(db, { user, deviceId })

export const readDevices = (db: Reader, user: number): Promise<DeviceRow[]> => selectDevices.all(db, { user })

export const readDeviceNids = (db: Reader | Tx, user: number): Promise<Array<{ nid: number; device_id: string }>> =>
  selectNids.all(db, { user })

export const countDevicesOf = async (tx: Tx, user: number): Promise<number> =>
  (await countDevices.first(tx, { user }))?.count ?? 0

/** The devices that were seen longest ago. */
export const readStalest = async (tx: Tx, user: number, count: number): Promise<number[]> =>
  (
    await tx
      .selectFrom('devices')
      .where('user_nid', '=', user)
      .orderBy('last_seen_ts')
      .orderBy('nid')
      .limit(count)
      .select('nid')
      .execute()
  ).map((row) => row.nid)

export async function insertDevice(tx: Tx, device: DeviceRow): Promise<void> {
  insert.later(tx, device)
}

/** False when there is no such device. */
export async function renameDevice(tx: Tx, user: number, deviceId: string, name: string): Promise<boolean> {
  const result = await tx
    .updateTable('devices')
    .where('user_nid', '=', user)
    .where('device_id', '=', deviceId)
    .set({ display_name: name })
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Deletes devices with what they have published and all that waits for them. */
export async function deleteDevices(tx: Tx, nids: readonly number[]): Promise<void> {
  await deleteKeysOfDevices(tx, nids)
  await tx.deleteFrom('devices').where('nid', 'in', nids).execute()
  await tx.deleteFrom('to_device').where('device_nid', 'in', nids).execute()
  await tx.deleteFrom('to_device_txns').where('sender', 'in', nids).execute()
}

export async function saveSeen(tx: Tx, nid: number, ts: number, ip: string, userAgent: string | null): Promise<void> {
  updateSeen.later(tx, { nid, ts, ip, userAgent })
}

export async function saveListChange(tx: Tx, user: number, position: number): Promise<void> {
  upsertChange.later(tx, { user, position })
}

/** Users whose devices last changed in `(since, until]`. */
export const readListChanges = async (db: Reader, since: number, until: number): Promise<number[]> =>
  (await selectChanges.all(db, { since, until })).map((row) => row.user_nid)
