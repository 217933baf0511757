import type { Migration } from './migration.ts'

/** What tells a refresh token that comes again from one that has been copied, and lets the first be answered as it was before. */
export const refreshFamilies: Migration = {
  name: '0011-refresh-families',
  statements: [
    `alter table refresh_tokens add column family_hash text`,
    `alter table refresh_tokens add column salt text`,
    `alter table refresh_tokens add column used_ts {int}`,
    `create index refresh_tokens_by_family on refresh_tokens (family_hash) where family_hash is not null`,
  ],
}
