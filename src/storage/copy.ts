// A whole database, table by table, from SQLite to PostgreSQL.
import { DatabaseSync } from 'node:sqlite'
import { sql } from 'kysely'
import type { Database } from './database.ts'
import { DatabaseRefused } from './refused.ts'

/** What is made anew from the rest: the full-text index, which either database has in a form of its own. */
const madeAnew = new Set(['search_index', 'search_edits'])
/** PostgreSQL takes this many values with a statement, and some more. */
const mostValues = 30_000
const mostRows = 2000

interface Column {
  readonly table_name: string
  readonly column_name: string
  readonly is_identity: 'YES' | 'NO'
}

/** How far the copy is. */
export interface CopyProgress {
  readonly table: string
  readonly rows: number
  /** Of this table. */
  readonly of: number
}

/** The columns of every table, by its name. */
async function columnsOf(to: Database): Promise<Map<string, Column[]>> {
  const found = await to.write((tx) =>
    sql<Column>`select table_name, column_name, is_identity from information_schema.columns
      where table_schema = current_schema() order by table_name, ordinal_position`.execute(tx),
  )
  return Map.groupBy(found.rows, (row) => row.table_name)
}

const asPostgres = (value: unknown): unknown => (value instanceof Uint8Array ? Buffer.from(value) : value)

/** @returns how many rows there were */
async function copyTable(
  from: DatabaseSync,
  to: Database,
  columns: readonly Column[],
  tell: (progress: CopyProgress) => void,
): Promise<number> {
  const table = columns[0]?.table_name ?? ''
  const names = columns.map((column) => column.column_name)
  const of = Number(from.prepare(`select count(*) as count from "${table}"`).get()?.['count'])
  const insert = async (rows: readonly Record<string, unknown>[]): Promise<void> => {
    const values = rows.map((row) => sql`(${sql.join(names.map((name) => asPostgres(row[name])))})`)
    const into = sql`insert into ${sql.table(table)} (${sql.join(names.map((name) => sql.ref(name)))})`
    await to.write((tx) => sql`${into} values ${sql.join(values)}`.execute(tx))
  }
  const together = Math.max(1, Math.min(mostRows, Math.floor(mostValues / names.length)))
  let rows: Record<string, unknown>[] = []
  let done = 0
  tell({ table, rows: 0, of })
  for (const row of from.prepare(`select * from "${table}"`).iterate()) {
    rows.push(row)
    if (rows.length < together) continue
    await insert(rows)
    tell({ table, rows: (done += rows.length), of })
    rows = []
  }
  if (rows.length > 0) await insert(rows)
  done += rows.length
  const identity = columns.find((column) => column.is_identity === 'YES')?.column_name
  if (identity !== undefined) {
    const last = sql`coalesce((select max(${sql.ref(identity)}) from ${sql.table(table)}), 0) + 1`
    await to.write((tx) =>
      sql`select setval(pg_get_serial_sequence(${table}, ${identity}), ${last}, false)`.execute(tx),
    )
  }
  tell({ table, rows: done, of })
  return done
}

/** @throws {DatabaseRefused} where somebody has been at work already */
async function mustBeNew(to: Database): Promise<void> {
  const { rows } = await to.write((tx) => sql<{ count: number }>`select count(*) as count from users`.execute(tx))
  if (Number(rows[0]?.count) > 0) throw new DatabaseRefused('The new database has accounts already: give an empty one.')
}

/**
 * Copies everything into a PostgreSQL database that was opened just now, and is new. Both know the same schema.
 * @param file of the SQLite database, which nobody writes to meanwhile
 * @returns how many rows there were
 * @throws {DatabaseRefused} when the new database is not empty, or does not have as many rows in the end
 */
export async function copyToPostgres(
  file: string,
  to: Database,
  tell: (progress: CopyProgress) => void,
): Promise<number> {
  await mustBeNew(to)
  const from = new DatabaseSync(file, { readOnly: true })
  try {
    const there = new Set(
      from
        .prepare(`select name from sqlite_master where type = 'table'`)
        .all()
        .map((row) => row['name']),
    )
    let total = 0
    for (const [table, columns] of await columnsOf(to)) {
      if (!there.has(table) || madeAnew.has(table)) continue
      await to.write((tx) => sql`delete from ${sql.table(table)}`.execute(tx))
      const copied = await copyTable(from, to, columns, tell)
      const { rows } = await to.write((tx) =>
        sql<{ count: number }>`select count(*) as count from ${sql.table(table)}`.execute(tx),
      )
      if (Number(rows[0]?.count) !== copied)
        throw new DatabaseRefused(`Of ${table} not all rows arrived: give an empty database, and begin anew.`)
      total += copied
    }
    // From its beginning.
    await to.write((tx) => sql`delete from meta where key like 'search%'`.execute(tx))
    return total
  } finally {
    from.close()
  }
}
