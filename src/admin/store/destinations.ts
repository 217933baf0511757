import { sql } from 'kysely'
import type { Reader } from '../../storage/index.ts'
import { containing } from './containing.ts'

const orders = {
  destination: 'server',
  retry_last_ts: 'retry_ts',
  retry_interval: 'retry_ts',
  failure_ts: 'failing_since',
  last_successful_stream_ordering: 'server',
} as const

export type DestinationOrder = keyof typeof orders

export const destinationOrders = Object.keys(orders) as DestinationOrder[] // the keys are exactly these

export interface DestinationListWish {
  /** A part of the server's name. */
  readonly search?: string | undefined
  readonly orderBy: DestinationOrder
  readonly dir: 'f' | 'b'
  readonly from: number
  readonly limit: number
}

const wanted = (db: Reader, search: string | undefined) =>
  db.selectFrom('destinations').$if(search !== undefined, (query) => query.where(containing('server', search ?? '')))

/** Other servers that were told, or are to be told, of something, as far as that is written down. */
export const readDestinations = (db: Reader, { search, orderBy, dir, from, limit }: DestinationListWish) =>
  wanted(db, search)
    .orderBy(orders[orderBy], dir === 'b' ? 'desc' : 'asc')
    .orderBy('server')
    .offset(from)
    .limit(limit)
    .selectAll()
    .execute()

export const countDestinations = async (db: Reader, search: string | undefined): Promise<number> =>
  (
    await wanted(db, search)
      .select(sql<number>`count(*)`.as('count'))
      .executeTakeFirst()
  )?.count ?? 0

export const readDestination = (db: Reader, server: string) =>
  db.selectFrom('destinations').where('server', '=', server).selectAll().executeTakeFirst()

/** Rooms with members of a server. */
export const readRoomsOfServer = (
  db: Reader,
  server: string,
  { dir, from, limit }: { dir: 'f' | 'b'; from: number; limit: number },
): Promise<{ room_id: string; latest_position: number }[]> =>
  roomsOf(db, server)
    .orderBy('rooms.room_id', dir === 'b' ? 'desc' : 'asc')
    .offset(from)
    .limit(limit)
    .select(['rooms.room_id', 'rooms.latest_position'])
    .execute()

const roomsOf = (db: Reader, server: string) =>
  db.selectFrom('rooms').where((row) =>
    row.exists(
      row
        .selectFrom('memberships')
        .innerJoin('users', 'users.nid', 'memberships.user_nid')
        .whereRef('memberships.room_nid', '=', 'rooms.nid')
        .where('memberships.membership', '=', 'join')
        .where('users.user_id', 'like', `%:${server.replaceAll(/[\\%_]/g, '')}`)
        .select('users.nid'),
    ),
  )

export const countRoomsOfServer = async (db: Reader, server: string): Promise<number> =>
  (
    await roomsOf(db, server)
      .select(sql<number>`count(*)`.as('count'))
      .executeTakeFirst()
  )?.count ?? 0
