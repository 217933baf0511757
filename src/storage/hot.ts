import type { Compilable, Kysely } from 'kysely'
import { executorOf, type DialectName, type Row } from './dialect.ts'
import type { Tables } from './tables.ts'

/** Marks the place of a named value in a query that is compiled once. */
class Slot {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

interface Plan {
  sql: string
  /** For each parameter: the name of the value, or the constant itself. */
  parameters: readonly unknown[]
}

export interface HotQuery<P, R> {
  all(db: object, values: P): Promise<R[]>
  first(db: object, values: P): Promise<R | undefined>
  /** Runs it for its effect; resolves to the number of rows it touched. */
  run(db: object, values: P): Promise<number>
  /**
   * As `run`, within a write, for whoever needs no answer: PostgreSQL is then not waited for. What the database refuses fails the
   * write when it is committed, and others that are committed with it: only for what was checked before.
   */
  later(db: object, values: P): void
}

/**
 * A query that is compiled once per dialect and then only bound and run: Kysely's typing and one text for both databases
 * without its 20–50 µs of compilation. `values` are named in `build` through `p`, each of which may stand in one or more places.
 */
export function hot<P extends object, R>(build: (db: Kysely<Tables>, p: P) => Compilable<R>): HotQuery<P, R> {
  const plans = new Map<DialectName, Plan>()
  // The proxy answers every name with a Slot, which Kysely carries as an ordinary value; hence the cast to the value's own type.
  const slots = new Proxy({}, { get: (_, name) => new Slot(String(name)) }) as P
  const bind = (dialect: DialectName, db: object, values: P): [sql: string, parameters: unknown[]] => {
    let plan = plans.get(dialect)
    if (!plan) {
      const compiled = build(db as Kysely<Tables>, slots).compile()
      plan = { sql: compiled.sql, parameters: compiled.parameters }
      plans.set(dialect, plan)
    }
    return [plan.sql, plan.parameters.map((value) => (value instanceof Slot ? (values as Row)[value.name] : value))]
  }
  const run = (db: object, values: P): ReturnType<ReturnType<typeof executorOf>['execute']> => {
    const { execute, dialect } = executorOf(db)
    return execute(...bind(dialect, db, values))
  }
  return {
    all: async (db, values) => (await run(db, values)).rows as R[],
    first: async (db, values) => (await run(db, values)).rows[0] as R | undefined,
    run: async (db, values) => (await run(db, values)).affected,
    later(db, values) {
      const { later, dialect } = executorOf(db)
      if (!later) throw new Error('Only what writes can be left for later')
      later(...bind(dialect, db, values))
    },
  }
}
