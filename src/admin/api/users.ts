import { type Static, Type } from 'typebox'
import type { Route } from '../../http/index.ts'
import type { AdminApiDeps } from '../deps.ts'
import { accountOrders, countAccounts, readAccountPage, type AccountListWish } from '../store/users.ts'
import { adminRoute, Dir, nextOf, pageOf, Paging, UserParams } from './route.ts'
import { anyAccount, detailOf, UserDetail } from './user.ts'
import { putUserRoute } from './user-put.ts'

const flag = Type.Optional(Type.Boolean())

const Query = Type.Object({
  ...Paging,
  user_id: Type.Optional(Type.String()),
  name: Type.Optional(Type.String()),
  guests: flag,
  admins: flag,
  deactivated: flag,
  locked: flag,
  order_by: Type.Optional(Type.Union(accountOrders.map((order) => Type.Literal(order)))),
  dir: Dir,
  not_user_type: Type.Optional(Type.Array(Type.String())),
})

const Users = Type.Object({
  users: Type.Array(Type.Object({ name: Type.String() })),
  next_token: Type.Optional(Type.String()),
  total: Type.Integer(),
})

type Filters = 'userId' | 'name' | 'admins' | 'notTypes' | 'orderBy' | 'dir' | 'from' | 'limit'

const common = (query: Static<typeof Query>): Pick<AccountListWish, Filters> => ({
  ...pageOf(query),
  userId: query.user_id,
  name: query.name,
  admins: query.admins,
  notTypes: query.not_user_type,
  orderBy: query.order_by ?? 'name',
  dir: query.dir ?? 'f',
})

/** A page of the accounts, with how many there are in all. */
async function list({ database }: AdminApiDeps, wish: AccountListWish): Promise<Static<typeof Users>> {
  const rows = await readAccountPage(database.aside, wish)
  const total = await countAccounts(database.aside, wish)
  const next = nextOf(wish, rows.length, total)
  return {
    users: rows.map((row) => ({
      name: row.user_id,
      user_type: row.user_type,
      is_guest: row.guest === 1,
      admin: row.admin === 1,
      deactivated: row.deactivated === 1,
      erased: row.erased === 1,
      shadow_banned: row.shadow_banned === 1,
      locked: row.locked === 1,
      suspended: row.suspended === 1,
      displayname: row.display_name,
      avatar_url: row.avatar_url,
      creation_ts: row.created_ts,
      last_seen_ts: row.last_seen_ts,
    })),
    ...(next !== undefined && { next_token: String(next) }),
    total,
  }
}

/** Accounts: their list, what they are, and how they are made and changed. */
export const userRoutes = (deps: AdminApiDeps): Route[] => [
  /** Deactivated and locked accounts are in it only when asked for. */
  adminRoute(deps, {
    id: 'adminListUsers',
    method: 'GET',
    path: '/_synapse/admin/v2/users',
    query: Query,
    reply: Users,
    handle: ({ query }) =>
      list(deps, {
        ...common(query),
        guests: query.guests === false ? false : undefined,
        deactivated: query.deactivated === true ? undefined : false,
        locked: query.locked === true ? undefined : false,
      }),
  }),
  /** `deactivated` is a filter here: absent, it is not looked at. */
  adminRoute(deps, {
    id: 'adminListUsersV3',
    method: 'GET',
    path: '/_synapse/admin/v3/users',
    query: Query,
    reply: Users,
    handle: ({ query }) =>
      list(deps, {
        ...common(query),
        guests: query.guests === false ? false : undefined,
        deactivated: query.deactivated,
        locked: query.locked === true ? undefined : false,
      }),
  }),
  adminRoute(deps, {
    id: 'adminGetUser',
    method: 'GET',
    path: '/_synapse/admin/v2/users/:userId',
    params: UserParams,
    reply: UserDetail,
    handle: async ({ params }) => detailOf(deps, await anyAccount(deps, params.userId)),
  }),
  putUserRoute(deps),
]
