import { sql } from 'kysely'
import type { Reader } from '../../storage/index.ts'
import { containing } from './containing.ts'

const orders = {
  user_id: 'user_id',
  displayname: 'displayname',
  media_length: 'media_length',
  media_count: 'media_count',
} as const

export type MediaUseOrder = keyof typeof orders

export const mediaUseOrders = Object.keys(orders) as MediaUseOrder[] // the keys are exactly these

export interface MediaUseWish {
  /** Milliseconds. */
  readonly since?: number | undefined
  readonly until?: number | undefined
  readonly search?: string | undefined
  readonly orderBy: MediaUseOrder
  readonly dir: 'f' | 'b'
  readonly from: number
  readonly limit: number
}

const uploads = (db: Reader, { since, until, search }: MediaUseWish) =>
  db
    .selectFrom('media')
    .innerJoin('users', 'users.nid', 'media.user_nid')
    .innerJoin('accounts', 'accounts.user_nid', 'media.user_nid')
    .where('media.file_nid', 'is not', null)
    .$if(since !== undefined, (query) => query.where('media.created_ts', '>=', since ?? 0))
    .$if(until !== undefined, (query) => query.where('media.created_ts', '<=', until ?? 0))
    .$if(search !== undefined, (query) =>
      query.where((row) =>
        row.or([containing('accounts.folded', search ?? ''), containing('accounts.display_name', search ?? '')]),
      ),
    )

/** How much each user has uploaded. */
export const readMediaUse = (db: Reader, wish: MediaUseWish) =>
  uploads(db, wish)
    .groupBy(['users.user_id', 'accounts.display_name'])
    .select(['users.user_id', 'accounts.display_name as displayname'])
    .select(sql<number>`count(*)`.as('media_count'))
    .select(sql<number>`cast(sum(media.size) as bigint)`.as('media_length'))
    .orderBy(sql.ref(orders[wish.orderBy]), wish.dir === 'b' ? 'desc' : 'asc')
    .orderBy('users.user_id')
    .offset(wish.from)
    .limit(wish.limit)
    .execute()

export const countMediaUsers = async (db: Reader, wish: MediaUseWish): Promise<number> =>
  (
    await uploads(db, wish)
      .select(sql<number>`count(distinct media.user_nid)`.as('count'))
      .executeTakeFirst()
  )?.count ?? 0

/** The rooms whose events take most. */
export const readLargestRooms = (db: Reader, limit: number): Promise<{ room_id: string; estimated_size: number }[]> =>
  db
    .selectFrom('events')
    .innerJoin('rooms', 'rooms.nid', 'events.room_nid')
    .groupBy('rooms.room_id')
    .select('rooms.room_id')
    .select(sql<number>`cast(sum(octet_length(events.json)) as bigint)`.as('estimated_size'))
    .orderBy('estimated_size', 'desc')
    .limit(limit)
    .execute()
