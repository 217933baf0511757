import { sql } from 'kysely'
import { hot, type Reader, type Tx } from '../../storage/index.ts'

export interface AccountDataRow {
  room_nid: number
  type: string
  content: string
  position: number
}

const select = hot((db, p: { user: number; room: number; type: string }) =>
  db
    .selectFrom('account_data')
    .where('user_nid', '=', p.user)
    .where('room_nid', '=', p.room)
    .where('type', '=', p.type)
    .select('content'),
)
const selectSince = hot((db, p: { user: number; since: number; until: number }) =>
  db
    .selectFrom('account_data')
    .where('user_nid', '=', p.user)
    .where('position', '>', p.since)
    .where('position', '<=', p.until)
    .orderBy('position')
    .select(['room_nid', 'type', 'content', 'position']),
)
const upsert = hot((db, p: AccountDataRow & { user: number }) =>
  db
    .insertInto('account_data')
    .values({ user_nid: p.user, room_nid: p.room_nid, type: p.type, content: p.content, position: p.position })
    .onConflict((conflict) =>
      conflict
        .columns(['user_nid', 'room_nid', 'type'])
        .doUpdateSet((row) => ({ content: row.ref('excluded.content'), position: row.ref('excluded.position') })),
    ),
)
const total = hot((db, p: { user: number }) =>
  db
    .selectFrom('account_data')
    .where('user_nid', '=', p.user)
    .select([sql<number>`count(*)`.as('items'), sql<number | null>`sum(octet_length(content))`.as('bytes')]),
)

/** The content as JSON. `room` is 0 for what belongs to no room. */
export const readAccountData = async (
  db: Reader | Tx,
  user: number,
  room: number,
  type: string,
): Promise<string | undefined> => (await select.first(db, { user, room, type }))?.content

/** What last changed in `(since, until]`, oldest first. */
export const readAccountDataSince = (
  db: Reader,
  user: number,
  since: number,
  until: number,
): Promise<AccountDataRow[]> => selectSince.all(db, { user, since, until })

export async function saveAccountData(tx: Tx, user: number, row: AccountDataRow): Promise<void> {
  upsert.later(tx, { ...row, user })
}

/** How much a user has. */
export async function measureAccountData(tx: Tx, user: number): Promise<{ items: number; bytes: number }> {
  const row = await total.first(tx, { user })
  return { items: row?.items ?? 0, bytes: row?.bytes ?? 0 }
}
