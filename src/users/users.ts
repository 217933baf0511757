import type { Database } from '../storage/index.ts'
import { openAccounts, type Accounts } from './accounts.ts'
import { openNames, type UserNames } from './intern.ts'

export interface UsersDeps {
  readonly database: Database
  readonly serverName: string
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Everyone who was ever seen, and those who live here. */
export interface Users extends UserNames, Accounts {}

export function createUsers(deps: UsersDeps): Users {
  const { database } = deps
  const names = openNames(database)
  const accounts = openAccounts({ database, names, serverName: deps.serverName, now: deps.now })
  return { ...names, ...accounts }
}
