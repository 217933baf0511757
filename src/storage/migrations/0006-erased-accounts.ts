import type { Migration } from './migration.ts'

/** Who asked to be forgotten is looked up at every start, and is few of many. */
export const erasedAccounts: Migration = {
  name: '0006-erased-accounts',
  statements: ['create index accounts_erased on accounts (user_nid) where erased = 1'],
}
