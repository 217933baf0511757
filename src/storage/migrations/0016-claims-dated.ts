import type { Migration } from './migration.ts'

/** When the claims were issued by which somebody has their rights: older ones give none back. */
export const claimsDated: Migration = {
  name: '0016-claims-dated',
  statements: ['alter table identities add column claims_ts {int}'],
}
