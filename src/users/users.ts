import type { Database } from '../storage/index.ts'
import type { Log } from '../streams/index.ts'
import { openAccountData, type AccountData } from './account-data.ts'
import { openAccounts, type Accounts } from './accounts.ts'
import { openFilters, type Filters } from './filters.ts'
import { openNames, type UserNames } from './intern.ts'
import { openProfiles, type Profiles } from './profile.ts'

export interface UsersDeps {
  readonly database: Database
  readonly log: Log
  readonly serverName: string
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Everyone who was ever seen, and those who live here with what they keep here. */
export interface Users extends UserNames, Accounts {
  readonly profiles: Profiles
  readonly accountData: AccountData
  readonly filters: Filters
}

export function createUsers(deps: UsersDeps): Users {
  const { database } = deps
  const names = openNames(database)
  const accounts = openAccounts({ database, names, serverName: deps.serverName, now: deps.now })
  return {
    ...names,
    ...accounts,
    profiles: openProfiles(database, names, accounts),
    accountData: openAccountData(database, deps.log),
    filters: openFilters(database),
  }
}
