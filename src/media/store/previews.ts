import { hot, type Reader, type Tx, type UrlPreviewsTable } from '../../storage/index.ts'

const find = hot((db, p: { url: string }) =>
  db.selectFrom('url_previews').where('url', '=', p.url).select(['json', 'expires_ts']),
)
const put = hot((db, p: UrlPreviewsTable) =>
  db
    .insertInto('url_previews')
    .values({ url: p.url, json: p.json, expires_ts: p.expires_ts })
    .onConflict((conflict) =>
      conflict
        .column('url')
        .doUpdateSet((row) => ({ json: row.ref('excluded.json'), expires_ts: row.ref('excluded.expires_ts') })),
    ),
)
const dropExpired = hot((db, p: { now: number }) =>
  db
    .deleteFrom('url_previews')
    .where('url', 'in', db.selectFrom('url_previews').where('expires_ts', '<=', p.now).select('url').limit(100)),
)

/** The preview that is kept of this address, if it is still good. */
export async function readPreview(db: Reader, url: string, now: number): Promise<string | undefined> {
  const row = await find.first(db, { url })
  return row && row.expires_ts > now ? row.json : undefined
}

/** Keeps a preview in the place of the one before. */
export async function savePreview(tx: Tx, row: UrlPreviewsTable): Promise<void> {
  await put.run(tx, row)
}

/** Deletes some previews that are too old. False when there were none. */
export const deleteExpiredPreviews = async (tx: Tx, now: number): Promise<boolean> =>
  (await dropExpired.run(tx, { now })) > 0
