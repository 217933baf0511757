import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { sql } from 'kysely'
import type { Database } from './database.ts'

/** Bytes that the database took before, and takes now. */
export interface Vacuumed {
  readonly before: number
  readonly after: number
}

const fileSize = (file: string): number =>
  statSync(file).size + (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0)

function vacuumFile(file: string): Vacuumed {
  const before = fileSize(file)
  const db = new DatabaseSync(file, { timeout: 5000 })
  try {
    db.exec('VACUUM; ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)')
  } finally {
    db.close()
  }
  return { before, after: fileSize(file) }
}

async function vacuumPostgres({ read }: Database): Promise<Vacuumed> {
  const size = async (): Promise<number> =>
    (await sql<{ bytes: number }>`select pg_database_size(current_database()) as bytes`.execute(read)).rows[0]?.bytes ??
    0
  const before = await size()
  await sql`vacuum (full, analyze)`.execute(read)
  return { before, after: await size() }
}

/**
 * Writes the whole database anew, and gives the room back that what was deleted left. It takes a while, and as much room as the database has;
 * nobody else may use it meanwhile.
 * @param database it, open for this process alone
 */
export const vacuum = async (database: Database, url: string): Promise<Vacuumed> =>
  database.dialect === 'sqlite' ? vacuumFile(url.slice('sqlite:'.length)) : vacuumPostgres(database)
