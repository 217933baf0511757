import type { Migration } from './migration.ts'

/** What people know somebody at a provider by: a subject may say nothing to anybody. */
export const identityLabels: Migration = {
  name: '0017-identity-labels',
  statements: ['alter table identities add column label text'],
}
