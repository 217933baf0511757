import { sql, type SelectQueryBuilder } from 'kysely'
import type { Reader, Tables } from '../../storage/index.ts'
import { containing } from './containing.ts'

/** How a list of rooms is wanted. */
export interface RoomListWish {
  /** A part of the name, of the main alias, or of the room id. */
  readonly search?: string | undefined
  readonly isPublic?: boolean | undefined
  readonly isEmpty?: boolean | undefined
  readonly orderBy: RoomOrder
  readonly dir: 'f' | 'b'
  readonly from: number
  readonly limit: number
}

/** What a list is sorted by, and whether the usual direction is from the largest on. */
const orders = {
  alphabetical: ['rooms.name', false],
  name: ['rooms.name', false],
  size: ['rooms.joined_members', true],
  joined_members: ['rooms.joined_members', true],
  joined_local_members: ['joined_local_members', true],
  canonical_alias: ['rooms.canonical_alias', false],
  version: ['rooms.version', true],
  creator: ['users.user_id', false],
  encryption: ['rooms.encryption', false],
  federatable: ['federatable', false],
  public: ['rooms.published', false],
  join_rules: ['rooms.join_rule', false],
  guest_access: ['rooms.guest_access', false],
  history_visibility: ['rooms.history_visibility', false],
  state_events: ['state_events', true],
} as const

export type RoomOrder = keyof typeof orders

export const roomOrders = Object.keys(orders) as RoomOrder[] // the keys are exactly these

type From<O> = SelectQueryBuilder<Tables, 'rooms' | 'users', O>

const wanted = <O>(query: From<O>, { search, isPublic, isEmpty }: RoomListWish): From<O> =>
  query
    .$if(search !== undefined, (q) =>
      q.where((row) =>
        row.or([
          containing('rooms.name', search ?? ''),
          containing('rooms.canonical_alias', search ?? ''),
          containing('rooms.room_id', search ?? ''),
        ]),
      ),
    )
    .$if(isPublic !== undefined, (q) => q.where('rooms.published', '=', isPublic ? 1 : 0))
    .$if(isEmpty !== undefined, (q) => q.where('rooms.joined_members', isEmpty ? '=' : '>', 0))

const allRooms = (db: Reader) => db.selectFrom('rooms').innerJoin('users', 'users.nid', 'rooms.creator_nid')

const localMembers = () =>
  sql<number>`(select count(*) from memberships join accounts on accounts.user_nid = memberships.user_nid
    where memberships.room_nid = rooms.nid and memberships.membership = 'join')`
const stateEvents = () =>
  sql<number>`(select count(*) from (select distinct type, state_key from events
    where events.room_nid = rooms.nid and state_key is not null) as state)`
const federatable = () =>
  sql<number>`coalesce((select case when events.json like '%"m.federate":false%' then 0 else 1 end from events
    where events.room_nid = rooms.nid and events.type = 'm.room.create' and events.state_key = '' limit 1), 1)`

const select = (query: From<unknown>) =>
  query
    .selectAll('rooms')
    .select('users.user_id as creator')
    .select(localMembers().as('joined_local_members'))
    .select(stateEvents().as('state_events'))
    .select(federatable().as('federatable'))

export type RoomDetailRow = NonNullable<Awaited<ReturnType<typeof readRoomDetail>>>

/** One page of the rooms. */
export async function readRoomPage(db: Reader, wish: RoomListWish): Promise<RoomDetailRow[]> {
  const [column, largestFirst] = orders[wish.orderBy]
  return select(wanted(allRooms(db), wish))
    .orderBy(sql.ref(column), (wish.dir === 'b') === largestFirst ? 'asc' : 'desc')
    .orderBy('rooms.nid')
    .offset(wish.from)
    .limit(wish.limit)
    .execute()
}

/** How many rooms the list would have without its paging. */
export const countRooms = async (db: Reader, wish: RoomListWish): Promise<number> =>
  (
    await wanted(allRooms(db), wish)
      .select(sql<number>`count(*)`.as('count'))
      .executeTakeFirst()
  )?.count ?? 0

export const readRoomDetail = (db: Reader, room: number) =>
  select(allRooms(db)).where('rooms.nid', '=', room).executeTakeFirst()

/** Devices of members of this server. */
export const countLocalDevices = async (db: Reader, room: number): Promise<number> =>
  (
    await db
      .selectFrom('memberships')
      .innerJoin('devices', 'devices.user_nid', 'memberships.user_nid')
      .where('memberships.room_nid', '=', room)
      .where('memberships.membership', '=', 'join')
      .select(sql<number>`count(*)`.as('count'))
      .executeTakeFirst()
  )?.count ?? 0

/** Whether everybody of this server who ever had to do with the room has forgotten it. */
export const isForgotten = async (db: Reader, room: number): Promise<boolean> =>
  (await db
    .selectFrom('memberships')
    .innerJoin('accounts', 'accounts.user_nid', 'memberships.user_nid')
    .where('memberships.room_nid', '=', room)
    .where('memberships.forgotten', '=', 0)
    .select('memberships.user_nid')
    .executeTakeFirst()) === undefined

/** Events by their short ids, with what an administrator asks of the newest. */
export const readExtremities = (db: Reader, nids: readonly number[]) =>
  nids.length === 0
    ? Promise.resolve([])
    : db.selectFrom('events').where('nid', 'in', nids).select(['event_id', 'state_nid', 'depth', 'ts']).execute()
