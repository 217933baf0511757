import type { Selectable } from 'kysely'
import type { AuditLogTable, Reader, Tx } from '../../storage/index.ts'

export type AuditEntry = Readonly<Selectable<AuditLogTable>>

export async function addAuditEntry(tx: Tx, entry: Omit<AuditEntry, 'nid'>): Promise<void> {
  await tx.insertInto('audit_log').values(entry).execute()
}

/** Keeps the newest of them. */
export async function deleteOldestEntries(tx: Tx, most: number): Promise<void> {
  const newest = await tx.selectFrom('audit_log').orderBy('nid', 'desc').limit(1).select('nid').executeTakeFirst()
  if (newest && newest.nid > most)
    await tx
      .deleteFrom('audit_log')
      .where('nid', '<=', newest.nid - most)
      .execute()
}

/** The newest first, those before an entry where one is named. */
export const readAuditEntries = (
  db: Reader,
  { before, target, limit }: { before?: number | undefined; target?: string | undefined; limit: number },
): Promise<AuditEntry[]> =>
  db
    .selectFrom('audit_log')
    .$if(before !== undefined, (query) => query.where('nid', '<', before ?? 0))
    .$if(target !== undefined, (query) => query.where('target', '=', target ?? ''))
    .orderBy('nid', 'desc')
    .limit(limit)
    .selectAll()
    .execute()
