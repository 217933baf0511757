// Another program's database, to be read and never written.
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'

export type ForeignRow = Record<string, unknown>

/** What to go through, in the order in which it lies there. */
export interface Scan {
  readonly columns: string
  /** The table that is gone through, named `t`, and what is joined to it. */
  readonly from: string
  readonly where?: string
}

/** A database of another program. Parameters are `?` in the text. */
export interface Foreign extends AsyncDisposable {
  readonly dialect: 'sqlite' | 'postgres'
  rows<Row = ForeignRow>(text: string, parameters?: readonly unknown[]): Promise<Row[]>
  /** Everything, so many rows at a time, without holding up whoever writes there meanwhile. */
  scan<Row = ForeignRow>(scan: Scan, size: number): AsyncIterable<Row[]>
}

export function openForeignSqlite(file: string): Foreign {
  const db = new DatabaseSync(file, { readOnly: true, timeout: 30_000 })
  db.exec('PRAGMA query_only = ON; PRAGMA cache_size = -32000')
  const rows = async <Row>(text: string, parameters: readonly unknown[] = []): Promise<Row[]> =>
    db.prepare(text).all(...(parameters as SQLInputValue[])) as Row[]
  return {
    dialect: 'sqlite',
    rows,
    async *scan<Row>({ columns, from, where }: Scan, size: number) {
      const text = `select t.rowid as _at, ${columns} from ${from} where t.rowid > ? ${where ? `and (${where})` : ''}
        order by t.rowid limit ?`
      for (let after = Number.MIN_SAFE_INTEGER; ;) {
        const found = await rows<Row & { _at: number }>(text, [after, size])
        if (found.length > 0) yield found
        if (found.length < size) return
        after = found.at(-1)?._at ?? after
      }
    },
    [Symbol.asyncDispose]: async () => db.close(),
  }
}

/** @param options as `pg` takes them: a URL or its parts */
export async function openForeignPostgres(options: ForeignRow): Promise<Foreign> {
  const { default: pg } = await import('pg')
  const types = {
    getTypeParser: ((oid: number, format?: 'text') =>
      oid === 20 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
  }
  const connect = async (): Promise<InstanceType<typeof pg.Client>> => {
    const client = new pg.Client({ application_name: 'latchkey import', ...options, types })
    await client.connect()
    await client.query('set default_transaction_read_only = on')
    return client
  }
  const [client, walker] = [await connect(), await connect()]
  const numbered = (text: string): string => {
    let count = 0
    return text.replaceAll('?', () => `$${++count}`)
  }
  return {
    dialect: 'postgres',
    rows: async <Row>(text: string, parameters: readonly unknown[] = []): Promise<Row[]> =>
      (await client.query(numbered(text), parameters as unknown[])).rows as Row[],
    async *scan<Row>({ columns, from, where }: Scan, size: number) {
      await walker.query('begin')
      try {
        await walker.query(
          `declare walk no scroll cursor for select ${columns} from ${from} ${where ? `where ${where}` : ''}`,
        )
        for (;;) {
          const { rows } = await walker.query(`fetch ${size} from walk`)
          if (rows.length > 0) yield rows as Row[]
          if (rows.length < size) return
        }
      } finally {
        await walker.query('rollback')
      }
    },
    [Symbol.asyncDispose]: async () => {
      await client.end()
      await walker.end()
    },
  }
}
