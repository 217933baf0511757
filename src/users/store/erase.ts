import type { Tx } from '../../storage/index.ts'

/** Deletes what a user kept here: profile fields, account data, filters, push rules. */
export async function eraseData(tx: Tx, user: number): Promise<void> {
  for (const table of ['profile_fields', 'account_data', 'filters', 'push_rules'] as const) {
    await tx.deleteFrom(table).where('user_nid', '=', user).execute()
  }
}
