import { sql } from 'kysely'
import type { Reader } from '../../storage/index.ts'

/** How much there is of everything. */
export async function readOverview(db: Reader) {
  const count = sql<number>`count(*)`.as('count')
  const [accounts, rooms, reports] = await Promise.all([
    db.selectFrom('accounts').where('deactivated', '=', 0).select(count).executeTakeFirst(),
    db.selectFrom('rooms').select(count).executeTakeFirst(),
    db.selectFrom('reports').where('room_id', 'is not', null).select(count).executeTakeFirst(),
  ])
  return {
    accounts: accounts?.count ?? 0,
    rooms: rooms?.count ?? 0,
    reports: reports?.count ?? 0,
    waiting: await db.selectFrom('jobs').groupBy('queue').select(['queue', count]).execute(),
  }
}
