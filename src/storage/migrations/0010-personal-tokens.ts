import type { Migration } from './migration.ts'

/** Access tokens that people and the operator have made by hand, for bots and scripts. */
export const personalTokens: Migration = {
  name: '0010-personal-tokens',
  statements: [
    `create table personal_tokens (device_nid {id} primary key, user_nid {int} not null, created_ts {int} not null, expires_ts {int})`,
    `create index personal_tokens_by_user on personal_tokens (user_nid)`,
  ],
}
