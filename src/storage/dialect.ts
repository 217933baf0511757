import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { Tables } from './tables.ts'

export type DialectName = 'sqlite' | 'postgres'
export type Row = Record<string, unknown>

export interface Rows {
  rows: Row[]
  /** Rows inserted, changed or deleted; 0 for a query. */
  affected: number
}

/** Runs one statement. SQLite answers at once, PostgreSQL later. */
export type Execute = (sql: string, parameters: readonly unknown[]) => Rows | Promise<Rows>

/** Takes one statement whose answer nobody needs. SQLite runs it at once, PostgreSQL is sent it with others. */
export type Later = (sql: string, parameters: readonly unknown[]) => void

interface Executor {
  execute: Execute
  /** Where it is one that writes. */
  later: Later | undefined
  dialect: DialectName
}

const executors = new WeakMap<object, Executor>()

/** What stands behind a Kysely instance that `kyselyOver` made: the way past Kysely for queries compiled once. */
export const executorOf = (db: object): Executor => {
  const found = executors.get(db)
  if (!found) throw new Error('This Kysely instance was not opened by storage/')
  return found
}

/** A Kysely whose every statement goes through `execute`; transactions are the business of the group commit. */
export function kyselyOver(dialect: DialectName, execute: Execute, later?: Later): Kysely<Tables> {
  const connection: DatabaseConnection = {
    async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
      const { rows, affected } = await execute(query.sql, query.parameters)
      return { rows: rows as R[], numAffectedRows: BigInt(affected) }
    },
    streamQuery() {
      throw new Error('Streaming queries are not used')
    },
  }
  const noTransactions = async (): Promise<void> => {
    throw new Error('Transactions are opened by Database.write')
  }
  const driver: Driver = {
    init: async () => {},
    acquireConnection: async () => connection,
    beginTransaction: noTransactions,
    commitTransaction: noTransactions,
    rollbackTransaction: noTransactions,
    releaseConnection: async () => {},
    destroy: async () => {},
  }
  const parts: Dialect =
    dialect === 'sqlite'
      ? {
          createAdapter: () => new SqliteAdapter(),
          createDriver: () => driver,
          createQueryCompiler: () => new SqliteQueryCompiler(),
          createIntrospector: (db) => new SqliteIntrospector(db),
        }
      : {
          createAdapter: () => new PostgresAdapter(),
          createDriver: () => driver,
          createQueryCompiler: () => new PostgresQueryCompiler(),
          createIntrospector: (db) => new PostgresIntrospector(db),
        }
  const db = new Kysely<Tables>({ dialect: parts })
  executors.set(db, { execute, later, dialect })
  return db
}
