import { sql, type SelectQueryBuilder } from 'kysely'
import type { Reader, Tables } from '../../storage/index.ts'
import { containing } from './containing.ts'

/** How a list of accounts is wanted. */
export interface AccountListWish {
  /** A part of the user id. */
  readonly userId?: string | undefined
  /** A part of the localpart or the display name. */
  readonly name?: string | undefined
  /** Undefined: whether or not. */
  readonly guests?: boolean | undefined
  readonly admins?: boolean | undefined
  readonly deactivated?: boolean | undefined
  readonly locked?: boolean | undefined
  /** Kinds of users that are left out; '' is for those of no kind. */
  readonly notTypes?: readonly string[] | undefined
  readonly orderBy: AccountOrder
  readonly dir: 'f' | 'b'
  readonly from: number
  readonly limit: number
}

const orders = {
  name: 'users.user_id',
  is_guest: 'accounts.guest',
  admin: 'accounts.admin',
  user_type: 'accounts.user_type',
  deactivated: 'accounts.deactivated',
  shadow_banned: 'accounts.shadow_banned',
  displayname: 'accounts.display_name',
  avatar_url: 'accounts.avatar_url',
  creation_ts: 'accounts.created_ts',
  last_seen_ts: 'last_seen_ts',
} as const

export type AccountOrder = keyof typeof orders

export const accountOrders = Object.keys(orders) as AccountOrder[] // the keys are exactly these

function wanted<O>(
  query: SelectQueryBuilder<Tables, 'accounts' | 'users', O>,
  wish: AccountListWish,
): SelectQueryBuilder<Tables, 'accounts' | 'users', O> {
  const { userId, name, guests, admins, deactivated, locked, notTypes } = wish
  const flag = (value: boolean | undefined): number => (value ? 1 : 0)
  return query
    .$if(name !== undefined, (q) =>
      q.where((row) =>
        row.or([containing('accounts.folded', name ?? ''), containing('accounts.display_name', name ?? '')]),
      ),
    )
    .$if(name === undefined && userId !== undefined, (q) => q.where(containing('users.user_id', userId ?? '')))
    .$if(guests !== undefined, (q) => q.where('accounts.guest', '=', flag(guests)))
    .$if(admins !== undefined, (q) => q.where('accounts.admin', '=', flag(admins)))
    .$if(deactivated !== undefined, (q) => q.where('accounts.deactivated', '=', flag(deactivated)))
    .$if(locked !== undefined, (q) => q.where('accounts.locked', '=', flag(locked)))
    .$if(notTypes !== undefined && notTypes.length > 0, (q) =>
      q.where(sql<string>`coalesce(accounts.user_type, '')`, 'not in', [...(notTypes ?? [])]),
    )
}

const columns = [
  'users.user_id',
  'accounts.user_nid',
  'accounts.guest',
  'accounts.admin',
  'accounts.user_type',
  'accounts.deactivated',
  'accounts.erased',
  'accounts.shadow_banned',
  'accounts.locked',
  'accounts.suspended',
  'accounts.display_name',
  'accounts.avatar_url',
  'accounts.created_ts',
] as const

const lastSeen = (): ReturnType<typeof sql<number | null>> =>
  sql<number | null>`(select max(last_seen_ts) from devices where devices.user_nid = accounts.user_nid)`

/** One page of the accounts. */
export const readAccountPage = (db: Reader, wish: AccountListWish) =>
  wanted(db.selectFrom('accounts').innerJoin('users', 'users.nid', 'accounts.user_nid'), wish)
    .select(columns)
    .select(lastSeen().as('last_seen_ts'))
    .orderBy(sql.ref(orders[wish.orderBy]), wish.dir === 'b' ? 'desc' : 'asc')
    .orderBy('users.user_id')
    .offset(wish.from)
    .limit(wish.limit)
    .execute()

/** How many accounts the list would have without its paging. */
export const countAccounts = async (db: Reader, wish: AccountListWish): Promise<number> =>
  (
    await wanted(db.selectFrom('accounts').innerJoin('users', 'users.nid', 'accounts.user_nid'), wish)
      .select(sql<number>`count(*)`.as('count'))
      .executeTakeFirst()
  )?.count ?? 0

/** When somebody was last seen, on whatever device. */
export const readLastSeen = async (db: Reader, user: number): Promise<number | null> =>
  (
    await db
      .selectFrom('devices')
      .where('user_nid', '=', user)
      .select(sql<number | null>`max(last_seen_ts)`.as('ts'))
      .executeTakeFirst()
  )?.ts ?? null

/** How somebody stands to rooms, by room id. */
export const readMembershipsOf = (db: Reader, user: number): Promise<{ room_id: string; membership: string }[]> =>
  db
    .selectFrom('memberships')
    .innerJoin('rooms', 'rooms.nid', 'memberships.room_nid')
    .where('memberships.user_nid', '=', user)
    .orderBy('rooms.room_id')
    .select(['rooms.room_id', 'memberships.membership'])
    .execute()

export const readPushersOf = (db: Reader, user: number) =>
  db.selectFrom('pushers').where('user_nid', '=', user).orderBy('nid').selectAll().execute()

/** All account data of a user; `room_id` is null for what belongs to no room. */
export const readAllAccountData = (
  db: Reader,
  user: number,
): Promise<{ room_id: string | null; type: string; content: string }[]> =>
  db
    .selectFrom('account_data')
    .leftJoin('rooms', 'rooms.nid', 'account_data.room_nid')
    .where('account_data.user_nid', '=', user)
    .select(['rooms.room_id', 'account_data.type', 'account_data.content'])
    .execute()

export const hasMasterKey = async (db: Reader, user: number): Promise<boolean> =>
  (await db
    .selectFrom('cross_signing_keys')
    .where('user_nid', '=', user)
    .where('usage', '=', 'master')
    .select('user_nid')
    .executeTakeFirst()) !== undefined

/** Member events of a time on, in rooms that the user has or had to do with. */
const memberEvents = (db: Reader, user: number, since: number) =>
  db
    .selectFrom('memberships')
    .innerJoin('events', 'events.room_nid', 'memberships.room_nid')
    .where('memberships.user_nid', '=', user)
    .where('events.ts', '>=', since)
    .where('events.position', 'is not', null)
    .where('events.type', '=', 'm.room.member')
    .where('events.standing', '=', 0)

/** Invitations that somebody has sent since a time (ms). */
export const countInvites = async (db: Reader, user: number, since: number): Promise<number> =>
  (
    await memberEvents(db, user, since)
      .where('events.sender_nid', '=', user)
      .where('events.json', 'like', '%"membership":"invite"%')
      .select(sql<number>`count(*)`.as('count'))
      .executeTakeFirst()
  )?.count ?? 0

/** Rooms that somebody has joined since a time (ms), left since or not. */
export const countJoins = async (db: Reader, user: number, userId: string, since: number): Promise<number> =>
  (
    await memberEvents(db, user, since)
      .where('events.state_key', '=', userId)
      .where('events.json', 'like', '%"membership":"join"%')
      .select(sql<number>`count(distinct events.room_nid)`.as('count'))
      .executeTakeFirst()
  )?.count ?? 0
