import { sql } from 'kysely'
import type { Tx } from '../../storage/index.ts'

/** Has every backup say how many keys it holds. */
export async function sumBackups(tx: Tx): Promise<void> {
  const keys = sql`from backed_up_keys k where k.user_nid = key_backups.user_nid and k.version = key_backups.version`
  await sql`update key_backups set keys = (select count(*) ${keys}),
    bytes = coalesce((select sum(octet_length(k.session_data)) ${keys}), 0)`.execute(tx)
}

/** The last position that a message to a device has; 0: there is none. */
export const readLastMessage = async (tx: Tx): Promise<number> =>
  (
    await tx
      .selectFrom('to_device')
      .select(({ fn }) => fn.max('position').as('last'))
      .executeTakeFirst()
  )?.last ?? 0
