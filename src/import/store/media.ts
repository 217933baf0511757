import { sql } from 'kysely'
import type { Reader, Tx } from '../../storage/index.ts'

/** Which of some addresses have their file already. */
export const readKept = async (db: Reader, ids: readonly string[]): Promise<Map<string, number>> =>
  new Map(
    ids.length === 0
      ? []
      : (
          await db
            .selectFrom('media')
            .where('media_id', 'in', ids)
            .where('file_nid', 'is not', null)
            .select(['media_id', 'file_nid'])
            .execute()
        ).map((row) => [row.media_id, row.file_nid ?? 0]),
  )

/** The file with this content, if it is kept. */
export const readFile = async (db: Reader, hash: string): Promise<number | undefined> =>
  (await db.selectFrom('media_files').where('hash', '=', hash).select('nid').executeTakeFirst())?.nid

export async function addFile(tx: Tx, file: { hash: string; name: string; size: number }): Promise<number> {
  const { nid } = await tx
    .insertInto('media_files')
    .values({ ...file, refs: 0, format: null, width: null, height: null, frames: null })
    .returning('nid')
    .executeTakeFirstOrThrow()
  return nid
}

/** Has every file say how many addresses it has, and keeps everybody from those with an address in quarantine. */
export async function sumFiles(tx: Tx): Promise<void> {
  const addresses = sql`from media m where m.file_nid = media_files.nid`
  await sql`update media_files set refs = (select count(*) ${addresses}),
    quarantined_by = (select max(m.quarantined_by) ${addresses} and m.safe = 0)`.execute(tx)
}
