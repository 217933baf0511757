import pg from 'pg'
import type { Execute, Row } from './dialect.ts'
import type { Backend } from './group-commit.ts'
import { nulRefused } from './away.ts'
import { postgresWriter, refusal } from './postgres-writer.ts'
import { DatabaseRefused } from './refused.ts'

const int8 = 20
const typeParsers: pg.CustomTypesConfig = {
  getTypeParser: ((oid, format) =>
    oid === int8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
}

const namedStatements = 2000
/** How long a connection may take to come about, in ms. */
const patienceMs = 10_000

/** Runs what needs the database to be there. @throws MatrixError 503 where it is not */
async function here<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw refusal(error)
  }
}

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
    connectionTimeoutMillis: patienceMs,
    types: typeParsers,
    application_name: 'latchkey',
  })
  pool.on('error', (error) => options.onError?.(error))
  let writer: pg.Client | undefined
  const connect = async (): Promise<pg.Client> => {
    if (writer) return writer
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: patienceMs,
      types: typeParsers,
      application_name: 'latchkey writer',
      pipeline: true,
    })
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
  const statement = (text: string, parameters: readonly unknown[]) => {
    const name = nameOf(text)
    return { ...(name && { name }), text, values: parameters as unknown[] }
  }
  const read: Execute = async (text, parameters) => {
    const result = await here(() => pool.query<Row>(statement(text, parameters)))
    return { rows: result.rows, affected: result.rowCount ?? 0 }
  }
  const transactions = postgresWriter(connect)
  await connect()
  return {
    dialect: 'postgres',
    transactions,
    read,
    write: (text, parameters) => here(() => transactions.execute(statement(text, parameters))),
    later: (text, parameters) => {
      if (parameters.some((value) => typeof value === 'string' && value.includes('\0'))) throw nulRefused(undefined)
      transactions.later(statement(text, parameters))
    },
    aside: read,
    connections: {
      get busy() {
        return pool.totalCount - pool.idleCount
      },
      get idle() {
        return pool.idleCount
      },
      get waiting() {
        return pool.waitingCount
      },
    },
    control: async (sql) => {
      await here(async () => (await connect()).query(sql))
    },
    close: async () => {
      await pool.end()
      await writer?.end()
    },
  }
}
