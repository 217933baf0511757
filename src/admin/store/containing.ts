import { sql, type RawBuilder } from 'kysely'

/** Whether a column has a text in it, letter case not looked at. */
export const containing = (column: string, text: string): RawBuilder<boolean> => {
  const pattern = `%${text.toLowerCase().replaceAll(/[\\%_]/g, '\\$&')}%`
  return sql<boolean>`lower(${sql.ref(column)}) like ${pattern} escape '\\'`
}
