import { hot, type Reader, type Tx } from '../../storage/index.ts'

/** A key as it is kept: one-time or fallback. */
export interface KeyRow {
  algorithm: string
  key_id: string
  json: string
}

/** A key that was given out, and whose it is. */
export interface ClaimedRow {
  device_nid: number
  key_id: string
  json: string
}

interface Wanted {
  user: number
  deviceId: string
  algorithm: string
}

const selectAll = hot((db, p: { device: number }) =>
  db
    .selectFrom('one_time_keys')
    .where('device_nid', '=', p.device)
    .select(['nid', 'algorithm', 'key_id', 'json', 'claimed']),
)
const count = hot((db, p: { device: number }) =>
  db
    .selectFrom('one_time_keys')
    .where('device_nid', '=', p.device)
    .where('claimed', '=', 0)
    .groupBy('algorithm')
    .select((row) => ['algorithm', row.fn.countAll<number>().as('count')]),
)
const trim = hot((db, p: { device: number; keep: number }) =>
  db
    .deleteFrom('one_time_keys')
    .where('device_nid', '=', p.device)
    .where('claimed', '=', 1)
    .where('nid', '<=', (row) =>
      row
        .selectFrom('one_time_keys as kept')
        .where('kept.device_nid', '=', p.device)
        .where('kept.claimed', '=', 1)
        .orderBy('kept.nid', 'desc')
        .limit(1)
        .offset(p.keep)
        .select('kept.nid'),
    ),
)
const claim = hot((db, p: Wanted) =>
  db
    .updateTable('one_time_keys')
    .set({ claimed: 1 })
    .where('nid', '=', (row) =>
      row
        .selectFrom('devices')
        .innerJoin('one_time_keys as next', 'next.device_nid', 'devices.nid')
        .where('devices.user_nid', '=', p.user)
        .where('devices.device_id', '=', p.deviceId)
        .where('next.algorithm', '=', p.algorithm)
        .where('next.claimed', '=', 0)
        .orderBy('next.nid')
        .limit(1)
        .select('next.nid'),
    )
    .returning(['device_nid', 'key_id', 'json']),
)
const useFallback = hot((db, p: Wanted) =>
  db
    .updateTable('fallback_keys')
    .set({ used: 1 })
    .where('algorithm', '=', p.algorithm)
    .where('device_nid', '=', (row) =>
      row.selectFrom('devices').where('user_nid', '=', p.user).where('device_id', '=', p.deviceId).select('nid'),
    )
    .returning(['device_nid', 'key_id', 'json']),
)
const selectFallback = hot((db, p: { device: number }) =>
  db.selectFrom('fallback_keys').where('device_nid', '=', p.device).select(['algorithm', 'key_id', 'json', 'used']),
)
const upsertFallback = hot((db, p: KeyRow & { device_nid: number }) =>
  db
    .insertInto('fallback_keys')
    .values({ device_nid: p.device_nid, algorithm: p.algorithm, key_id: p.key_id, json: p.json, used: 0 })
    .onConflict((conflict) =>
      conflict
        .columns(['device_nid', 'algorithm'])
        .doUpdateSet((row) => ({ key_id: row.ref('excluded.key_id'), json: row.ref('excluded.json'), used: 0 })),
    ),
)

/** Well below what either database allows in one statement. */
const atOnce = 500

/** Those that were given out not long ago are among them. */
export const readOneTimeKeys = (tx: Tx, device: number): Promise<Array<KeyRow & { nid: number; claimed: number }>> =>
  selectAll.all(tx, { device })

/** Adds them in order. */
export async function insertOneTimeKeys(tx: Tx, device: number, keys: readonly KeyRow[]): Promise<void> {
  for (let start = 0; start < keys.length; start += atOnce) {
    await tx
      .insertInto('one_time_keys')
      .values(
        keys
          .slice(start, start + atOnce)
          .map(({ algorithm, key_id, json }) => ({ device_nid: device, algorithm, key_id, json, claimed: 0 })),
      )
      .execute()
  }
}

/** Forgets all but the newest of those that were given out. */
export async function trimClaimed(tx: Tx, device: number, keep: number): Promise<void> {
  await trim.run(tx, { device, keep })
}

/** Takes the oldest key, for good; undefined when there is none. */
export const claimOneTimeKey = (tx: Tx, wanted: Wanted): Promise<ClaimedRow | undefined> => claim.first(tx, wanted)

/** The fallback key, which counts as used from now on. */
export const claimFallbackKey = (tx: Tx, wanted: Wanted): Promise<ClaimedRow | undefined> =>
  useFallback.first(tx, wanted)

/** How many are left, by algorithm. */
export const countOneTimeKeys = (
  db: Reader | Tx,
  device: number,
): Promise<Array<{ algorithm: string; count: number }>> => count.all(db, { device })

export const readFallbackKeys = (db: Reader | Tx, device: number): Promise<Array<KeyRow & { used: number }>> =>
  selectFallback.all(db, { device })

/** Takes the place of the one of the same algorithm, and is unused. */
export async function saveFallbackKey(tx: Tx, device: number, key: KeyRow): Promise<void> {
  await upsertFallback.run(tx, { ...key, device_nid: device })
}

export async function deleteOneTimeKeys(tx: Tx, device: number): Promise<void> {
  await tx.deleteFrom('one_time_keys').where('device_nid', '=', device).execute()
  await tx.deleteFrom('fallback_keys').where('device_nid', '=', device).execute()
}
