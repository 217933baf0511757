import type { Kysely } from 'kysely'
import type { Tables } from './tables.ts'

/** Inside a write: all of Kysely but transactions of its own. */
export type Tx = Kysely<Tables>
/** Committed data, by queries alone. */
export type Reader = Pick<Kysely<Tables>, 'selectFrom' | 'selectNoFrom' | 'with' | 'fn' | 'dynamic' | 'getExecutor'>
