import { hot, type Reader, type Tx } from '../../storage/index.ts'

export interface DehydratedRow {
  device_nid: number
  device_id: string
  data: string
}

const select = hot((db, p: { user: number }) =>
  db
    .selectFrom('dehydrated_devices')
    .innerJoin('devices', 'devices.nid', 'dehydrated_devices.device_nid')
    .where('dehydrated_devices.user_nid', '=', p.user)
    .select(['devices.nid as device_nid', 'devices.device_id', 'dehydrated_devices.data']),
)
const insert = hot((db, p: { user: number; device: number; data: string }) =>
  db.insertInto('dehydrated_devices').values({ user_nid: p.user, device_nid: p.device, data: p.data }),
)

/** The user's only one. */
export const readDehydrated = (db: Reader | Tx, user: number): Promise<DehydratedRow | undefined> =>
  select.first(db, { user })

export async function insertDehydrated(tx: Tx, user: number, device: number, data: string): Promise<void> {
  await insert.run(tx, { user, device, data })
}
