import pg from 'pg'
import type { Execute, Row } from './dialect.ts'
import type { Backend } from './group-commit.ts'
import { DatabaseRefused } from './refused.ts'

const int8 = 20
const typeParsers: pg.CustomTypesConfig = {
  getTypeParser: ((oid, format) =>
    oid === int8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
}

const namedStatements = 2000

/** Held by the writing connection, so that one process alone writes; it goes when that connection goes. */
const claimStatement = 'select pg_try_advisory_lock(4839202) as taken'

/** Names each statement text, so that the server parses and plans it once per connection. */
function statementNames(): (sql: string) => string | undefined {
  const names = new Map<string, string>()
  return (sql) => {
    let name = names.get(sql)
    if (!name && names.size < namedStatements) {
      name = `s${names.size}`
      names.set(sql, name)
    }
    return name
  }
}

/** PostgreSQL: one connection for the group commit, a pool for reads. */
export async function openPostgres(
  url: string,
  options: { poolSize?: number; onError?: (error: Error) => void } = {},
): Promise<Backend> {
  const nameOf = statementNames()
  const pool = new pg.Pool({
    connectionString: url,
    max: options.poolSize ?? 8,
    types: typeParsers,
    application_name: 'latchkey',
  })
  pool.on('error', (error) => options.onError?.(error))
  let writer: pg.Client | undefined
  const connect = async (): Promise<pg.Client> => {
    if (writer) return writer
    const client = new pg.Client({ connectionString: url, types: typeParsers, application_name: 'latchkey writer' })
    const forget = (error?: Error): void => {
      if (writer === client) writer = undefined
      if (error) options.onError?.(error)
    }
    client.on('error', forget)
    client.on('end', () => forget())
    await client.connect()
    const { rows } = await client.query<{ taken: boolean }>(claimStatement)
    if (!rows[0]?.taken) {
      await client.end()
      throw new DatabaseRefused(
        'Another Latchkey process is using this PostgreSQL database. Stop it first, or give this one its own database.',
      )
    }
    writer = client
    return client
  }
  const over =
    (source: () => Promise<pg.Client | pg.Pool>): Execute =>
    async (text, parameters) => {
      const name = nameOf(text)
      const result = await (await source()).query<Row>({ ...(name && { name }), text, values: parameters as unknown[] })
      return { rows: result.rows, affected: result.rowCount ?? 0 }
    }
  await connect()
  return {
    dialect: 'postgres',
    read: over(async () => pool),
    write: over(connect),
    aside: over(async () => pool),
    control: async (sql) => {
      await (await connect()).query(sql)
    },
    close: async () => {
      await pool.end()
      await writer?.end()
    },
  }
}
