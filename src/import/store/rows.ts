import { sql, type Insertable } from 'kysely'
import type { Tables, Tx } from '../../storage/index.ts'

type Row<Table extends keyof Tables> = Insertable<Tables[Table]>

/** Values of one statement: either database takes more. */
const mostValues = 20_000

/** What happens to a row that is there already, known by its `key`. */
export interface Known<Table extends keyof Tables> {
  readonly key: readonly (keyof Tables[Table] & string)[]
  /** Columns that stay as they are; `all`: the row stays. */
  readonly keep?: readonly (keyof Tables[Table] & string)[] | 'all'
}

/** Puts rows into a table, all of them with the same columns. */
export async function putRows<Table extends keyof Tables>(
  tx: Tx,
  table: Table,
  rows: readonly Row<Table>[],
  known?: Known<Table>,
): Promise<void> {
  const names = Object.keys(rows[0] ?? {})
  const atOnce = Math.max(1, Math.floor(mostValues / Math.max(1, names.length)))
  const columns = sql.join(names.map((name) => sql.ref(name)))
  const kept = new Set<string>(known?.keep === 'all' ? names : [...(known?.keep ?? []), ...(known?.key ?? [])])
  const changed = names.filter((name) => !kept.has(name))
  const key = known && sql`on conflict (${sql.join(known.key.map((name) => sql.ref(name)))})`
  const sets = sql.join(changed.map((name) => sql`${sql.ref(name)} = ${sql.ref(`excluded.${name}`)}`))
  const conflict = !key ? sql`` : changed.length === 0 ? sql`${key} do nothing` : sql`${key} do update set ${sets}`
  for (let start = 0; start < rows.length; start += atOnce) {
    const values = rows
      .slice(start, start + atOnce)
      .map((row) => sql`(${sql.join(names.map((name) => (row as Record<string, unknown>)[name]))})`)
    await sql`insert into ${sql.table(table)} (${columns}) values ${sql.join(values)} ${conflict}`.execute(tx)
  }
}

/** Empties tables, which are filled anew. */
export async function clear(tx: Tx, tables: readonly (keyof Tables)[]): Promise<void> {
  for (const table of tables) await sql`delete from ${sql.table(table)}`.execute(tx)
}
