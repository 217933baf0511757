import { sql } from 'kysely'
import { hot, type MediaFilesTable, type Reader, type Tx } from '../../storage/index.ts'

/** What a file is as an image. */
export interface ImageRow {
  format: string
  width: number
  height: number
  frames: number
}

export interface ThumbnailRow {
  name: string
  type: string
  size: number
}

const adopt = hot((db, p: { hash: string }) =>
  db
    .updateTable('media_files')
    .set((row) => ({ refs: row('refs', '+', 1) }))
    .where('hash', '=', p.hash)
    .returning('nid'),
)
const insert = hot((db, p: Pick<MediaFilesTable, 'hash' | 'name' | 'size'>) =>
  db
    .insertInto('media_files')
    .values({
      hash: p.hash,
      name: p.name,
      size: p.size,
      refs: 1,
      format: null,
      width: null,
      height: null,
      frames: null,
    })
    .onConflict((conflict) => conflict.column('hash').doUpdateSet((row) => ({ refs: row('media_files.refs', '+', 1) })))
    .returning(['nid', 'name']),
)
const release = hot((db, p: { nid: number }) =>
  db
    .updateTable('media_files')
    .set((row) => ({ refs: row('refs', '-', 1) }))
    .where('nid', '=', p.nid),
)
const lock = hot((db, p: { nid: number }) =>
  db
    .updateTable('media_files')
    .set((row) => ({ refs: row.ref('refs') }))
    .where('nid', '=', p.nid),
)
const describe = hot((db, p: ImageRow & { nid: number }) =>
  db
    .updateTable('media_files')
    .set({ format: p.format, width: p.width, height: p.height, frames: p.frames })
    .where('nid', '=', p.nid),
)
const selectThumbnail = hot((db, p: { nid: number; variant: string }) =>
  db
    .selectFrom('media_thumbnails')
    .where('file_nid', '=', p.nid)
    .where('variant', '=', p.variant)
    .select(['name', 'type', 'size']),
)
const countThumbnails = hot((db, p: { nid: number }) =>
  db
    .selectFrom('media_thumbnails')
    .where('file_nid', '=', p.nid)
    .select(sql<number>`count(*)`.as('count')),
)
const insertThumbnail = hot((db, p: ThumbnailRow & { nid: number; variant: string }) =>
  db
    .insertInto('media_thumbnails')
    .values({ file_nid: p.nid, variant: p.variant, name: p.name, type: p.type, size: p.size })
    .onConflict((conflict) => conflict.doNothing()),
)
const addGarbage = hot((db, p: { name: string; due: number }) =>
  db
    .insertInto('media_garbage')
    .values({ name: p.name, due_ts: p.due })
    .onConflict((conflict) => conflict.column('name').doUpdateSet((row) => ({ due_ts: row.ref('excluded.due_ts') }))),
)
const removeGarbage = hot((db, p: { name: string }) => db.deleteFrom('media_garbage').where('name', '=', p.name))
const selectGarbage = hot((db, p: { now: number }) =>
  db.selectFrom('media_garbage').where('due_ts', '<=', p.now).select('name').limit(100),
)

/** Counts one more owner of the file with this content, if it is kept already: its short id. */
export const adoptFile = async (tx: Tx, hash: string): Promise<number | undefined> =>
  (await adopt.first(tx, { hash }))?.nid

/** Enters a file with its first owner. When its content has come in meanwhile, that file gets one more owner: the name says whose it is. */
export async function insertFile(
  tx: Tx,
  file: Pick<MediaFilesTable, 'hash' | 'name' | 'size'>,
): Promise<{ nid: number; name: string }> {
  const row = await insert.first(tx, file)
  if (!row) throw new Error('An insert that replaces on conflict gave no row')
  return row
}

export async function releaseFile(tx: Tx, nid: number): Promise<void> {
  await release.run(tx, { nid })
}

/** Keeps the file from being deleted until the change is committed. False when it is gone. */
export const lockFile = async (tx: Tx, nid: number): Promise<boolean> => (await lock.run(tx, { nid })) > 0

export async function describeFile(tx: Tx, nid: number, image: ImageRow): Promise<void> {
  await describe.run(tx, { ...image, nid })
}

export const readThumbnail = (db: Reader, nid: number, variant: string): Promise<ThumbnailRow | undefined> =>
  selectThumbnail.first(db, { nid, variant })

/** How many thumbnails a file has. */
export const numberOfThumbnails = async (db: Reader, nid: number): Promise<number> =>
  (await countThumbnails.first(db, { nid }))?.count ?? 0

/** False when there is one already. */
export const saveThumbnail = async (tx: Tx, nid: number, variant: string, thumbnail: ThumbnailRow): Promise<boolean> =>
  (await insertThumbnail.run(tx, { ...thumbnail, nid, variant })) > 0

/** Says from when on a name in the store is nobody's. */
export async function markGarbage(tx: Tx, name: string, due: number): Promise<void> {
  await addGarbage.run(tx, { name, due })
}

export async function unmarkGarbage(tx: Tx, name: string): Promise<void> {
  await removeGarbage.run(tx, { name })
}

/** Some names that are to go by now. */
export const readGarbage = async (db: Reader, now: number): Promise<string[]> =>
  (await selectGarbage.all(db, { now })).map((row) => row.name)

/** Deletes some files that have no owner any more, and makes garbage of what the store has of them. False when there were none. */
export async function dropUnusedFiles(tx: Tx, now: number): Promise<boolean> {
  const unused = tx.selectFrom('media_files').where('refs', '=', 0).select('nid').limit(100)
  const files = await tx
    .deleteFrom('media_files')
    .where('nid', 'in', unused)
    .where('refs', '=', 0)
    .returning(['nid', 'name'])
    .execute()
  if (files.length === 0) return false
  const thumbnails = await tx
    .deleteFrom('media_thumbnails')
    .where(
      'file_nid',
      'in',
      files.map((file) => file.nid),
    )
    .returning('name')
    .execute()
  for (const { name } of [...files, ...thumbnails]) await markGarbage(tx, name, now)
  return true
}
