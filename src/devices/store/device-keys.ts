import { hot, type Reader, type Tx } from '../../storage/index.ts'

/** A device's keys, with the name that its owner gave it. */
export interface DeviceKeysRow {
  device_nid: number
  device_id: string
  display_name: string | null
  json: string
}

const select = hot((db, p: { user: number; deviceId: string }) =>
  db
    .selectFrom('devices')
    .innerJoin('device_keys', 'device_keys.device_nid', 'devices.nid')
    .where('devices.user_nid', '=', p.user)
    .where('devices.device_id', '=', p.deviceId)
    .select(['devices.nid as device_nid', 'devices.device_id', 'devices.display_name', 'device_keys.json']),
)
const selectAll = hot((db, p: { user: number }) =>
  db
    .selectFrom('device_keys')
    .innerJoin('devices', 'devices.nid', 'device_keys.device_nid')
    .where('device_keys.user_nid', '=', p.user)
    .orderBy('device_keys.device_nid')
    .select(['devices.nid as device_nid', 'devices.device_id', 'devices.display_name', 'device_keys.json']),
)
const upsert = hot((db, p: { device_nid: number; user_nid: number; json: string }) =>
  db
    .insertInto('device_keys')
    .values({ device_nid: p.device_nid, user_nid: p.user_nid, json: p.json })
    .onConflict((conflict) => conflict.column('device_nid').doUpdateSet((row) => ({ json: row.ref('excluded.json') }))),
)

export const readDeviceKeys = (db: Reader | Tx, user: number, deviceId: string): Promise<DeviceKeysRow | undefined> =>
  select.first(db, { user, deviceId })

/** Of all of the user's devices that have keys. */
export const readDeviceKeysOf = (db: Reader | Tx, user: number): Promise<DeviceKeysRow[]> => selectAll.all(db, { user })

export async function saveDeviceKeys(tx: Tx, user: number, device: number, json: string): Promise<void> {
  await upsert.run(tx, { device_nid: device, user_nid: user, json })
}

/** Deletes everything that devices, which are still in their table, have published, and every signature by or of them. */
export async function deleteKeysOfDevices(tx: Tx, devices: readonly number[]): Promise<void> {
  const gone = await tx.selectFrom('devices').where('nid', 'in', devices).select(['user_nid', 'device_id']).execute()
  for (const { user_nid: user, device_id: deviceId } of gone) {
    await tx.deleteFrom('key_signatures').where('target_nid', '=', user).where('target', '=', deviceId).execute()
    await tx
      .deleteFrom('key_signatures')
      .where('signer_nid', '=', user)
      .where('signer', '=', `ed25519:${deviceId}`)
      .execute()
  }
  for (const table of ['device_keys', 'one_time_keys', 'fallback_keys', 'dehydrated_devices'] as const) {
    await tx.deleteFrom(table).where('device_nid', 'in', devices).execute()
  }
}
