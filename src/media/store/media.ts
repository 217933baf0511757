import { sql, type Insertable } from 'kysely'
import { hot, type MediaTable, type Reader, type Tx } from '../../storage/index.ts'
import { releaseFile } from './files.ts'

const find = hot((db, p: { id: string }) =>
  db
    .selectFrom('media')
    .leftJoin('media_files', 'media_files.nid', 'media.file_nid')
    .where('media_id', '=', p.id)
    .select([
      'media.media_id',
      'media.user_nid',
      'media.file_nid',
      'media.type',
      'media.filename',
      'media.expires_ts',
      'media.accessed_ts',
      'media.authenticated',
      'media.size',
      'media.quarantined_by',
      'media.safe',
      'media_files.quarantined_by as file_quarantined_by',
      'media_files.hash',
      'media_files.name',
      'media_files.format',
      'media_files.width',
      'media_files.height',
      'media_files.frames',
    ]),
)
export type NewMediaRow = Omit<Insertable<MediaTable>, 'quarantined_by' | 'safe'>

const insert = hot((db, p: NewMediaRow) =>
  db.insertInto('media').values({
    media_id: p.media_id,
    user_nid: p.user_nid,
    file_nid: p.file_nid,
    size: p.size,
    type: p.type,
    filename: p.filename,
    created_ts: p.created_ts,
    expires_ts: p.expires_ts,
    accessed_ts: p.accessed_ts,
    authenticated: p.authenticated,
  }),
)
const fill = hot((db, p: Pick<MediaTable, 'media_id' | 'file_nid' | 'size' | 'type' | 'filename' | 'accessed_ts'>) =>
  db
    .updateTable('media')
    .set({
      file_nid: p.file_nid,
      size: p.size,
      type: p.type,
      filename: p.filename,
      accessed_ts: p.accessed_ts,
      expires_ts: null,
    })
    .where('media_id', '=', p.media_id)
    .where('file_nid', 'is', null),
)
const measure = hot((db, p: { user: number }) =>
  db
    .selectFrom('media')
    .where('user_nid', '=', p.user)
    .select([sql<number>`count(*)`.as('files'), sql<number | null>`cast(sum(size) as bigint)`.as('bytes')]),
)
const countPending = hot((db, p: { user: number; now: number }) =>
  db
    .selectFrom('media')
    .where('user_nid', '=', p.user)
    .where('file_nid', 'is', null)
    .where('expires_ts', '>', p.now)
    .select(sql<number>`count(*)`.as('count')),
)
const touch = hot((db, p: { id: string; now: number }) =>
  db.updateTable('media').set({ accessed_ts: p.now }).where('media_id', '=', p.id),
)
const remove = hot((db, p: { id: string }) => db.deleteFrom('media').where('media_id', '=', p.id).returning('file_nid'))
const dropExpired = hot((db, p: { now: number }) =>
  db
    .deleteFrom('media')
    .where('expires_ts', '<=', p.now)
    .where(
      'media_id',
      'in',
      db
        .selectFrom('media')
        .where('expires_ts', '<=', p.now)
        // What is kept from everybody goes on to be, and is not fetched anew.
        .where('quarantined_by', 'is', null)
        .select('media_id')
        .limit(100),
    )
    .returning('file_nid'),
)
const stale = hot((db, p: { before: number; size: number }) =>
  db
    .selectFrom('media')
    .where('user_nid', 'is not', null)
    .where('file_nid', 'is not', null)
    .where('accessed_ts', '<', p.before)
    .where('size', '>=', p.size)
    .orderBy('accessed_ts')
    .select('media_id')
    .limit(100),
)

/** An address with its file; `hash`, `name` and the rest of the file are null while there is none. */
export type MediaRow = NonNullable<Awaited<ReturnType<typeof readMedia>>>

export const readMedia = (db: Reader | Tx, id: string) => find.first(db, { id })

export async function insertMedia(tx: Tx, row: NewMediaRow): Promise<void> {
  await insert.run(tx, row)
}

/** Gives an address its file. False when it has one. */
export const fillMedia = async (
  tx: Tx,
  row: Pick<MediaTable, 'media_id' | 'file_nid' | 'size' | 'type' | 'filename' | 'accessed_ts'>,
): Promise<boolean> => (await fill.run(tx, row)) > 0

/** How much a user has, addresses without a file included. */
export async function measureMedia(db: Reader | Tx, user: number): Promise<{ files: number; bytes: number }> {
  const row = await measure.first(db, { user })
  return { files: row?.files ?? 0, bytes: row?.bytes ?? 0 }
}

/** How many addresses of a user wait for their files. */
export const numberOfPending = async (tx: Tx, user: number, now: number): Promise<number> =>
  (await countPending.first(tx, { user, now }))?.count ?? 0

export async function touchMedia(tx: Tx, id: string, now: number): Promise<void> {
  await touch.run(tx, { id, now })
}

/** Deletes an address; its file goes when nobody else has it. */
export async function deleteMedia(tx: Tx, id: string): Promise<void> {
  const row = await remove.first(tx, { id })
  if (row?.file_nid != null) await releaseFile(tx, row.file_nid)
}

/** Deletes some addresses that are too old: of files that never came, of pictures of previews. False when there were none. */
export async function deleteExpired(tx: Tx, now: number): Promise<boolean> {
  const rows = await dropExpired.all(tx, { now })
  for (const { file_nid: nid } of rows) if (nid !== null) await releaseFile(tx, nid)
  return rows.length > 0
}

/** Some uploads of at least that many bytes that nobody has fetched since `before`. */
export const readStale = async (db: Reader, before: number, size: number): Promise<string[]> =>
  (await stale.all(db, { before, size })).map((row) => row.media_id)

/** Which of these addresses are the avatar of somebody or of a room. */
export async function avatarsAmong(db: Reader, uris: readonly string[]): Promise<Set<string>> {
  const rows = await db
    .selectFrom('accounts')
    .where('avatar_url', 'in', uris)
    .select('avatar_url')
    .union(db.selectFrom('rooms').where('avatar_url', 'in', uris).select('avatar_url'))
    .execute()
  return new Set(rows.flatMap((row) => row.avatar_url ?? []))
}
