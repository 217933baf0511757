import { sql } from 'kysely'
import { hot, type BackedUpKeysTable, type KeyBackupsTable, type Reader, type Tx } from '../../storage/index.ts'

export type BackupRow = Omit<KeyBackupsTable, 'user_nid'>
export type BackedUpKeyRow = Omit<BackedUpKeysTable, 'user_nid' | 'version'>

/** A part of a backup: all of it, a room, or one session. */
export interface BackupPart {
  readonly roomId?: string | undefined
  readonly sessionId?: string | undefined
}

const columns = ['version', 'algorithm', 'auth_data', 'etag', 'keys', 'bytes', 'deleted'] as const
const keyColumns = [
  'room_id',
  'session_id',
  'first_message_index',
  'forwarded_count',
  'is_verified',
  'session_data',
] as const

const selectNewest = hot((db, p: { user: number }) =>
  db
    .selectFrom('key_backups')
    .where('user_nid', '=', p.user)
    .where('deleted', '=', 0)
    .orderBy('version', 'desc')
    .limit(1)
    .select(columns),
)
const select = hot((db, p: { user: number; version: number }) =>
  db
    .selectFrom('key_backups')
    .where('user_nid', '=', p.user)
    .where('version', '=', p.version)
    .where('deleted', '=', 0)
    .select(columns),
)
const selectLast = hot((db, p: { user: number }) =>
  db
    .selectFrom('key_backups')
    .where('user_nid', '=', p.user)
    .select((row) => row.fn.max('version').as('version')),
)
const measure = hot((db, p: { user: number }) =>
  db
    .selectFrom('key_backups')
    .where('user_nid', '=', p.user)
    .where('deleted', '=', 0)
    .select((row) => [
      row.fn.countAll<number>().as('versions'),
      sql<number>`cast(coalesce(sum(keys), 0) as bigint)`.as('keys'),
      sql<number>`cast(coalesce(sum(bytes), 0) as bigint)`.as('bytes'),
    ]),
)
const insert = hot((db, p: { user: number; version: number; algorithm: string; authData: string }) =>
  db.insertInto('key_backups').values({
    user_nid: p.user,
    version: p.version,
    algorithm: p.algorithm,
    auth_data: p.authData,
    etag: 0,
    keys: 0,
    bytes: 0,
    deleted: 0,
  }),
)
const updateAuthData = hot((db, p: { user: number; version: number; authData: string }) =>
  db
    .updateTable('key_backups')
    .where('user_nid', '=', p.user)
    .where('version', '=', p.version)
    .set({ auth_data: p.authData }),
)
const updateTotals = hot((db, p: { user: number; version: number; etag: number; keys: number; bytes: number }) =>
  db
    .updateTable('key_backups')
    .where('user_nid', '=', p.user)
    .where('version', '=', p.version)
    .set({ etag: p.etag, keys: p.keys, bytes: p.bytes }),
)
const markDeleted = hot((db, p: { user: number; version: number }) =>
  db
    .updateTable('key_backups')
    .where('user_nid', '=', p.user)
    .where('version', '=', p.version)
    .set({ auth_data: '{}', keys: 0, bytes: 0, deleted: 1 }),
)

const selectKey = hot((db, p: { user: number; version: number; roomId: string; sessionId: string }) =>
  db
    .selectFrom('backed_up_keys')
    .where('user_nid', '=', p.user)
    .where('version', '=', p.version)
    .where('room_id', '=', p.roomId)
    .where('session_id', '=', p.sessionId)
    .select(keyColumns),
)
const selectPage = hot((db, p: { user: number; version: number; roomId: string; sessionId: string; limit: number }) =>
  db
    .selectFrom('backed_up_keys')
    .where('user_nid', '=', p.user)
    .where('version', '=', p.version)
    .where((row) => row(row.refTuple('room_id', 'session_id'), '>', row.tuple(p.roomId, p.sessionId)))
    .orderBy('room_id')
    .orderBy('session_id')
    .limit(p.limit)
    .select(keyColumns),
)
const selectRoomPage = hot(
  (db, p: { user: number; version: number; roomId: string; sessionId: string; limit: number }) =>
    db
      .selectFrom('backed_up_keys')
      .where('user_nid', '=', p.user)
      .where('version', '=', p.version)
      .where('room_id', '=', p.roomId)
      .where('session_id', '>', p.sessionId)
      .orderBy('session_id')
      .limit(p.limit)
      .select(keyColumns),
)
const update = hot((db, p: BackedUpKeysTable) =>
  db
    .updateTable('backed_up_keys')
    .where('user_nid', '=', p.user_nid)
    .where('version', '=', p.version)
    .where('room_id', '=', p.room_id)
    .where('session_id', '=', p.session_id)
    .set({
      first_message_index: p.first_message_index,
      forwarded_count: p.forwarded_count,
      is_verified: p.is_verified,
      session_data: p.session_data,
    }),
)

/** Well below what either database allows in one statement, with eight columns a row. */
const atOnce = 100

/** The backup that keys go into: the newest that was not deleted. */
export const readNewestBackup = (db: Reader | Tx, user: number): Promise<BackupRow | undefined> =>
  selectNewest.first(db, { user })

export const readBackup = (db: Reader | Tx, user: number, version: number): Promise<BackupRow | undefined> =>
  select.first(db, { user, version })

/** The newest version that was ever given out; 0 when none was. */
export const readLastVersion = async (db: Reader | Tx, user: number): Promise<number> =>
  (await selectLast.first(db, { user }))?.version ?? 0

/** What all backups of a user amount to. */
export const measureBackups = async (
  tx: Tx,
  user: number,
): Promise<{ versions: number; keys: number; bytes: number }> =>
  (await measure.first(tx, { user })) ?? { versions: 0, keys: 0, bytes: 0 }

export async function insertBackup(
  tx: Tx,
  user: number,
  version: number,
  algorithm: string,
  authData: string,
): Promise<void> {
  await insert.run(tx, { user, version, algorithm, authData })
}

export async function saveAuthData(tx: Tx, user: number, version: number, authData: string): Promise<void> {
  await updateAuthData.run(tx, { user, version, authData })
}

export async function saveTotals(
  tx: Tx,
  user: number,
  { version, etag, keys, bytes }: Pick<BackupRow, 'version' | 'etag' | 'keys' | 'bytes'>,
): Promise<void> {
  await updateTotals.run(tx, { user, version, etag, keys, bytes })
}

/** From now on the backup is not there; its keys still are. */
export async function markBackupDeleted(tx: Tx, user: number, version: number): Promise<void> {
  await markDeleted.run(tx, { user, version })
}

export async function markAllBackupsDeleted(tx: Tx, user: number): Promise<void> {
  await tx
    .updateTable('key_backups')
    .where('user_nid', '=', user)
    .set({ auth_data: '{}', keys: 0, bytes: 0, deleted: 1 })
    .execute()
}

export const readDeletedBackups = async (db: Reader, user: number): Promise<number[]> =>
  (
    await db.selectFrom('key_backups').where('user_nid', '=', user).where('deleted', '=', 1).select('version').execute()
  ).map((row) => row.version)

/** Forgets deleted backups, which have no keys any more. The newest version that was ever given out leaves its trace. */
export async function forgetDeletedBackups(tx: Tx, user: number, versions: readonly number[]): Promise<void> {
  const last = await readLastVersion(tx, user)
  const gone = versions.filter((version) => version < last)
  if (gone.length > 0)
    await tx
      .deleteFrom('key_backups')
      .where('user_nid', '=', user)
      .where('deleted', '=', 1)
      .where('version', 'in', gone)
      .execute()
}

export const readKey = (
  db: Reader,
  user: number,
  version: number,
  roomId: string,
  sessionId: string,
): Promise<BackedUpKeyRow | undefined> => selectKey.first(db, { user, version, roomId, sessionId })

/** Keys after one, in order of room and session; of all rooms, or of one. */
export const readKeyPage = (
  db: Reader,
  user: number,
  version: number,
  room: string | undefined,
  after: { roomId: string; sessionId: string },
  limit: number,
): Promise<BackedUpKeyRow[]> =>
  (room === undefined ? selectPage : selectRoomPage).all(db, {
    user,
    version,
    roomId: room ?? after.roomId,
    sessionId: after.sessionId,
    limit,
  })

/** Those of a room's sessions that are there. */
export async function readKeysOf(
  tx: Tx,
  user: number,
  version: number,
  roomId: string,
  sessionIds: readonly string[],
): Promise<BackedUpKeyRow[]> {
  const rows: BackedUpKeyRow[] = []
  for (let start = 0; start < sessionIds.length; start += atOnce) {
    rows.push(
      ...(await tx
        .selectFrom('backed_up_keys')
        .where('user_nid', '=', user)
        .where('version', '=', version)
        .where('room_id', '=', roomId)
        .where('session_id', 'in', sessionIds.slice(start, start + atOnce))
        .select(keyColumns)
        .execute()),
    )
  }
  return rows
}

export async function insertKeys(
  tx: Tx,
  user: number,
  version: number,
  keys: readonly BackedUpKeyRow[],
): Promise<void> {
  for (let start = 0; start < keys.length; start += atOnce) {
    await tx
      .insertInto('backed_up_keys')
      .values(keys.slice(start, start + atOnce).map((key) => ({ ...key, user_nid: user, version })))
      .execute()
  }
}

export async function replaceKey(tx: Tx, user: number, version: number, key: BackedUpKeyRow): Promise<void> {
  await update.run(tx, { ...key, user_nid: user, version })
}

/** Deletes the first keys of a part of a backup; tells how many, and how many bytes of `session_data`, are gone. */
export async function deleteSomeKeys(
  tx: Tx,
  user: number,
  version: number,
  { roomId, sessionId }: BackupPart,
  limit: number,
): Promise<{ keys: number; bytes: number }> {
  const first = tx
    .selectFrom('backed_up_keys')
    .where('user_nid', '=', user)
    .where('version', '=', version)
    .$if(roomId !== undefined, (query) => query.where('room_id', '=', roomId ?? ''))
    .$if(sessionId !== undefined, (query) => query.where('session_id', '=', sessionId ?? ''))
    .orderBy('room_id')
    .orderBy('session_id')
    .limit(limit)
  const { keys, bytes } = await tx
    .selectFrom(first.select(sql<number>`octet_length(session_data)`.as('size')).as('some'))
    .select((row) => [
      row.fn.countAll<number>().as('keys'),
      sql<number>`cast(coalesce(sum(size), 0) as bigint)`.as('bytes'),
    ])
    .executeTakeFirstOrThrow()
  if (keys > 0) {
    await tx
      .deleteFrom('backed_up_keys')
      .where('user_nid', '=', user)
      .where('version', '=', version)
      .where((row) =>
        row(
          row.refTuple('room_id', 'session_id'),
          'in',
          first.select(['room_id', 'session_id']).$asTuple('room_id', 'session_id'),
        ),
      )
      .execute()
  }
  return { keys, bytes }
}
