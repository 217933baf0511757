import { hot, type Reader, type Tx, type UrlPreviewsTable } from '../../storage/index.ts'
import { deleteMedia } from './media.ts'

const find = hot((db, p: { url: string }) => db.selectFrom('url_previews').where('url', '=', p.url).select(['json', 'media_id', 'expires_ts']))
const put = hot((db, p: UrlPreviewsTable) => db.insertInto('url_previews')
  .values({ url: p.url, json: p.json, media_id: p.media_id, expires_ts: p.expires_ts })
  .onConflict((conflict) => conflict.column('url').doUpdateSet((row) => ({
    json: row.ref('excluded.json'), media_id: row.ref('excluded.media_id'), expires_ts: row.ref('excluded.expires_ts'),
  }))))
const expired = hot((db, p: { now: number }) => db.selectFrom('url_previews').where('expires_ts', '<=', p.now).select('url').limit(100))
const remove = hot((db, p: { url: string }) => db.deleteFrom('url_previews').where('url', '=', p.url).returning('media_id'))

/** The preview that is kept of this address, if it is still good. */
export async function readPreview(db: Reader, url: string, now: number): Promise<string | undefined> {
  const row = await find.first(db, { url })
  return row && row.expires_ts > now ? row.json : undefined
}

/** Keeps a preview; the one before goes, with its picture. */
export async function savePreview(tx: Tx, row: UrlPreviewsTable): Promise<void> {
  await deletePreview(tx, row.url)
  await put.run(tx, row)
}

export async function deletePreview(tx: Tx, url: string): Promise<void> {
  const row = await remove.first(tx, { url })
  if (row?.media_id != null) await deleteMedia(tx, row.media_id)
}

/** Some addresses whose previews are too old. */
export const readExpiredPreviews = async (db: Reader, now: number): Promise<string[]> => (await expired.all(db, { now })).map((row) => row.url)
