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
  /** Port to appservice/: has one make a local user who is not there, where one answers for the name. */
  readonly summon?: (userId: string) => Promise<void>
}

/** Everyone who was ever seen, and those who live here with what they keep here. */
export interface Users extends UserNames, Accounts {
  readonly profiles: Profiles
  readonly accountData: AccountData
  readonly filters: Filters
  /** Gives whoever answers for a user that is not there a chance to make them. */
  summon(userId: string): Promise<void>
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
    summon: deps.summon ?? (async () => {}),
  }
}
