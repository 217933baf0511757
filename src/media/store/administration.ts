import { sql } from 'kysely'
import type { Reader, Tx } from '../../storage/index.ts'

/** What an administrator is told of an address. */
export const readMediaInfo = (db: Reader | Tx, id: string) =>
  db
    .selectFrom('media')
    .leftJoin('media_files', 'media_files.nid', 'media.file_nid')
    .leftJoin('users', 'users.nid', 'media.user_nid')
    .where('media.media_id', '=', id)
    .select([
      'media.media_id',
      'users.user_id',
      'media.type',
      'media.size',
      'media.filename',
      'media.created_ts',
      'media.accessed_ts',
      'media.authenticated',
      'media.safe',
      'media.quarantined_by',
      'media_files.hash',
      'media_files.name',
    ])
    .executeTakeFirst()

const orders = {
  media_id: 'media_id',
  upload_name: 'filename',
  created_ts: 'created_ts',
  last_access_ts: 'accessed_ts',
  media_length: 'size',
  media_type: 'type',
  quarantined_by: 'quarantined_by',
  safe_from_quarantine: 'safe',
} as const

export type MediaOrder = keyof typeof orders

export const mediaOrders = Object.keys(orders) as MediaOrder[] // the keys are exactly these

export interface MediaListWish {
  readonly orderBy: MediaOrder
  readonly dir: 'f' | 'b'
  readonly from: number
  readonly limit: number
}

/** One page of what a user has uploaded. */
export const readMediaOf = (db: Reader, user: number, { orderBy, dir, from, limit }: MediaListWish) =>
  db
    .selectFrom('media')
    .where('user_nid', '=', user)
    .where('file_nid', 'is not', null)
    .orderBy(orders[orderBy], dir === 'b' ? 'desc' : 'asc')
    .orderBy('media_id')
    .offset(from)
    .limit(limit)
    .select(['media_id', 'created_ts', 'accessed_ts', 'size', 'type', 'quarantined_by', 'safe', 'filename'])
    .execute()

export const countMediaOf = async (db: Reader, user: number): Promise<number> =>
  (
    await db
      .selectFrom('media')
      .where('user_nid', '=', user)
      .where('file_nid', 'is not', null)
      .select(sql<number>`count(*)`.as('count'))
      .executeTakeFirst()
  )?.count ?? 0

/**
 * Addresses that nobody has fetched since, and that are larger than so many bytes: of uploads, or of what is kept of other servers and is not
 * in quarantine.
 */
export const readUnused = async (
  db: Reader,
  {
    remote,
    before,
    larger,
    after,
    limit,
  }: { remote: boolean; before: number; larger: number; after: string; limit: number },
): Promise<string[]> =>
  (
    await db
      .selectFrom('media')
      .where('accessed_ts', '<', before)
      .where('size', '>', larger)
      .where('file_nid', 'is not', null)
      .where('media_id', remote ? 'like' : 'not like', '%/%')
      .$if(remote, (query) => query.where('quarantined_by', 'is', null))
      .where('media_id', '>', after)
      .orderBy('media_id')
      .limit(limit)
      .select('media_id')
      .execute()
  ).map((row) => row.media_id)

/** The addresses with the same content as this one, itself included. */
const sameContent = (tx: Tx, id: string) =>
  tx
    .selectFrom('media as other')
    .innerJoin('media as one', 'one.file_nid', 'other.file_nid')
    .where('one.media_id', '=', id)
    .select('other.media_id')

/** Keeps everybody from an address and from all others with its content, now and later. Returns the addresses that this changed. */
export async function quarantine(tx: Tx, id: string, by: string): Promise<string[]> {
  const row = await readMediaInfo(tx, id)
  if (!row || row.safe === 1) return []
  if (row.hash !== null)
    await tx.updateTable('media_files').set({ quarantined_by: by }).where('hash', '=', row.hash).execute()
  const changed = await tx
    .updateTable('media')
    .set({ quarantined_by: by })
    .where((eb) => eb.or([eb('media_id', '=', id), eb('media_id', 'in', sameContent(tx, id))]))
    .where('quarantined_by', 'is', null)
    .where('safe', '=', 0)
    .returning('media_id')
    .execute()
  return changed.map((one) => one.media_id)
}

export async function unquarantine(tx: Tx, id: string): Promise<string[]> {
  const row = await readMediaInfo(tx, id)
  if (row?.hash != null)
    await tx.updateTable('media_files').set({ quarantined_by: null }).where('hash', '=', row.hash).execute()
  const changed = await tx
    .updateTable('media')
    .set({ quarantined_by: null })
    .where((eb) => eb.or([eb('media_id', '=', id), eb('media_id', 'in', sameContent(tx, id))]))
    .where('quarantined_by', 'is not', null)
    .returning('media_id')
    .execute()
  return changed.map((one) => one.media_id)
}

export async function noteChanges(tx: Tx, ids: readonly string[], quarantined: boolean): Promise<void> {
  for (const id of ids)
    await tx
      .insertInto('quarantine_changes')
      .values({ media_id: id, quarantined: quarantined ? 1 : 0 })
      .execute()
}

export const readChanges = (
  db: Reader,
  after: number,
  limit: number,
): Promise<{ nid: number; media_id: string; quarantined: number }[]> =>
  db.selectFrom('quarantine_changes').where('nid', '>', after).orderBy('nid').limit(limit).selectAll().execute()

/** False when there is no such address. */
export async function setSafe(tx: Tx, id: string, safe: boolean): Promise<boolean> {
  const done = await tx
    .updateTable('media')
    .set({ safe: safe ? 1 : 0 })
    .where('media_id', '=', id)
    .returning('media_id')
    .execute()
  return done.length > 0
}
