import type { Migration } from './migration.ts'

/** When whoever has a login token has last shown who they are: with that they may do more on the account page. */
export const loginTokensSince: Migration = {
  name: '0013-login-tokens-since',
  statements: [
    'alter table login_tokens add column since_ts {int}',
    // What is in the name of a user goes when their sessions do.
    'create index openid_tokens_by_user on openid_tokens (user_nid)',
  ],
}
