export type { Account, Accounts, NewAccount } from './accounts.ts'
export { gate, mustNotBeSuspended, type Purpose } from './gate.ts'
export type { UserNames } from './intern.ts'
export { createUsers, type Users, type UsersDeps } from './users.ts'
