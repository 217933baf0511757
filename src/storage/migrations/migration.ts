import type { DialectName } from '../dialect.ts'

/** A step from one schema to the next. */
export interface Migration {
  /** Never changes once released. */
  name: string
  /** Run in order, in one transaction with all other migrations that are due. Where the databases differ in more than words: one for each. */
  statements: ReadonlyArray<string | Readonly<Record<DialectName, string>>>
}
