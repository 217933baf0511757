import type { Migration } from './migration.ts'

/** What a provider has given somebody for a name and a picture: as long as it is still theirs, they have not chosen their own. */
export const givenProfiles: Migration = {
  name: '0012-given-profiles',
  statements: [
    'alter table identities add column given_name text',
    'alter table identities add column given_avatar text',
  ],
}
