import { sql } from 'kysely'
import type { DialectName } from '../dialect.ts'
import type { Tx } from '../tx.ts'
import { initial } from './0001-initial.ts'

/** What a statement of the first schema makes. */
const maker = /^create (table|virtual table|index|unique index) (\w+)/

/** The columns of a `create table`, with their definitions: what stands between commas that are not inside brackets. */
export function columnsOf(statement: string): Map<string, string> {
  const parts: string[] = []
  let [depth, start] = [0, statement.indexOf('(') + 1]
  for (let at = start; at < statement.length && depth >= 0; at++) {
    const sign = statement[at]
    if (sign === '(') depth++
    else if (sign === ')') depth--
    if (depth < 0 || (depth === 0 && sign === ',')) {
      parts.push(statement.slice(start, at).trim().replaceAll(/\s+/g, ' '))
      start = at + 1
    }
  }
  return new Map(
    parts
      .filter((part) => !/^(primary key|unique|foreign key|check|constraint)\b/.test(part))
      .map((part) => [part.split(' ')[0] ?? '', part]),
  )
}

/** A column that is added to rows which are there must have something in each: nothing was known then, which 0 and '' say. */
const withDefault = (definition: string): string =>
  /\bnot null\b/.test(definition) && !/\bdefault\b/.test(definition)
    ? `${definition} default ${/^\w+ text\b/.test(definition) ? "''" : '0'}`
    : definition

/** Tables, with their columns, and indexes. */
async function presentIn(
  tx: Tx,
  dialect: DialectName,
): Promise<{ names: Set<string>; columns: Map<string, Set<string>> }> {
  const relations =
    dialect === 'sqlite'
      ? sql<{ name: string }>`select name from sqlite_master`
      : sql<{
          name: string
        }>`select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = current_schema()`
  const fields =
    dialect === 'sqlite'
      ? sql<{
          owner: string
          name: string
        }>`select m.name as owner, i.name as name from sqlite_master m, pragma_table_info(m.name) i where m.type = 'table'`
      : sql<{
          owner: string
          name: string
        }>`select table_name as owner, column_name as name from information_schema.columns where table_schema = current_schema()`
  const columns = new Map<string, Set<string>>()
  for (const { owner, name } of (await fields.execute(tx)).rows)
    columns.set(owner, (columns.get(owner) ?? new Set()).add(name))
  return { names: new Set((await relations.execute(tx)).rows.map(({ name }) => name)), columns }
}

/**
 * The statements that a database lacks whose first schema was made by an earlier state of that: until it was frozen, tables, columns
 * and indexes were added to it in place.
 */
export async function missingFromInitial(
  tx: Tx,
  dialect: DialectName,
  fill: (text: string) => string,
): Promise<string[]> {
  const { names, columns } = await presentIn(tx, dialect)
  return initial.statements.flatMap((either) => {
    const statement = fill(typeof either === 'string' ? either : either[dialect])
    const [, kind, name = ''] = maker.exec(statement) ?? []
    if (kind === undefined) return []
    if (!names.has(name)) return [statement]
    const has = columns.get(name)
    if (kind !== 'table' || !has) return []
    return [...columnsOf(statement)]
      .filter(([column]) => !has.has(column))
      .map(([, definition]) => `alter table ${name} add column ${withDefault(definition)}`)
  })
}
