import { Type } from 'typebox'
import type { Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { AdminApiDeps } from '../deps.ts'
import { countInvites, countJoins, readAllAccountData, readMembershipsOf, readPushersOf } from '../store/users.ts'
import { adminRoute, UserParams } from './route.ts'
import { anyAccount, anybody } from './user.ts'

const UserId = Type.Object({ user_id: Type.String() })
const FromTs = Type.Object({ from_ts: Type.Integer({ minimum: 0 }) })
const notFound = (): MatrixError => new MatrixError('M_NOT_FOUND', 'User not found')

/** What administrators may read of users, and by what else these are found. */
export const userFactRoutes = (deps: AdminApiDeps): Route[] => {
  const { database, users, identities, login } = deps
  const named = async (nid: number | undefined): Promise<{ user_id: string }> => {
    if (nid === undefined) throw notFound()
    return { user_id: await users.nameOf(nid) }
  }
  return [
    adminRoute(deps, {
      id: 'adminJoinedRooms',
      method: 'GET',
      path: '/_synapse/admin/v1/users/:userId/joined_rooms',
      params: UserParams,
      reply: Type.Object({ joined_rooms: Type.Array(Type.String()), total: Type.Integer() }),
      handle: async ({ params }) => {
        const all = await readMembershipsOf(database.read, await anybody(deps, params.userId))
        const joined = all.filter(({ membership }) => membership === 'join').map((row) => row.room_id)
        return { joined_rooms: joined, total: joined.length }
      },
    }),
    adminRoute(deps, {
      id: 'adminMemberships',
      method: 'GET',
      path: '/_synapse/admin/v1/users/:userId/memberships',
      params: UserParams,
      reply: Type.Object({ memberships: Type.Record(Type.String(), Type.String()) }),
      handle: async ({ params }) => {
        const all = await readMembershipsOf(database.read, await anybody(deps, params.userId))
        return { memberships: Object.fromEntries(all.map((row) => [row.room_id, row.membership])) }
      },
    }),
    adminRoute(deps, {
      id: 'adminPushers',
      method: 'GET',
      path: '/_synapse/admin/v1/users/:userId/pushers',
      params: UserParams,
      reply: Type.Object({ pushers: Type.Array(Type.Object({})), total: Type.Integer() }),
      handle: async ({ params }) => {
        const rows = await readPushersOf(database.read, (await anyAccount(deps, params.userId)).nid)
        const pushers = rows.map((row) => ({
          app_display_name: row.app_name,
          app_id: row.app_id,
          data: JSON.parse(row.data) as JsonObject, // written by push/
          device_display_name: row.device_name,
          kind: row.kind,
          lang: row.lang,
          profile_tag: row.profile_tag ?? '',
          pushkey: row.pushkey,
        }))
        return { pushers, total: pushers.length }
      },
    }),
    adminRoute(deps, {
      id: 'adminAccountData',
      method: 'GET',
      path: '/_synapse/admin/v1/users/:userId/accountdata',
      audited: true,
      params: UserParams,
      reply: Type.Object({ account_data: Type.Object({}) }),
      handle: async ({ params }) => {
        const rows = await readAllAccountData(database.read, (await anyAccount(deps, params.userId)).nid)
        const global: JsonObject = {}
        const rooms: Record<string, JsonObject> = {}
        for (const { room_id: room, type, content } of rows) {
          const place = room === null ? global : (rooms[room] ??= {})
          place[type] = JSON.parse(content) as JsonObject // written by users/
        }
        return { account_data: { global, rooms } }
      },
    }),
    adminRoute(deps, {
      id: 'adminSentInviteCount',
      method: 'GET',
      path: '/_synapse/admin/v1/users/:userId/sent_invite_count',
      params: UserParams,
      query: FromTs,
      reply: Type.Object({ invite_count: Type.Integer() }),
      handle: async ({ params, query }) => ({
        invite_count: await countInvites(database.aside, await anybody(deps, params.userId), query.from_ts),
      }),
    }),
    adminRoute(deps, {
      id: 'adminJoinedRoomCount',
      method: 'GET',
      path: '/_synapse/admin/v1/users/:userId/cumulative_joined_room_count',
      params: UserParams,
      query: FromTs,
      reply: Type.Object({ cumulative_joined_room_count: Type.Integer() }),
      handle: async ({ params: { userId }, query }) => ({
        cumulative_joined_room_count: await countJoins(
          database.aside,
          await anybody(deps, userId),
          userId,
          query.from_ts,
        ),
      }),
    }),
    adminRoute(deps, {
      id: 'adminUserByThreePid',
      method: 'GET',
      path: '/_synapse/admin/v1/threepid/:medium/users/:address',
      params: Type.Object({ medium: Type.String(), address: Type.String() }),
      reply: UserId,
      handle: async ({ params: { medium, address } }) => {
        if (medium !== 'email') throw notFound()
        return named(await login.administration.ownerOf(address))
      },
    }),
    adminRoute(deps, {
      id: 'adminUserByExternalId',
      method: 'GET',
      path: '/_synapse/admin/v1/auth_providers/:provider/users/:subject',
      params: Type.Object({ provider: Type.String(), subject: Type.String() }),
      reply: UserId,
      handle: async ({ params }) => named(await identities.links.linkedTo(params)),
    }),
    /** None are switched for single users here; tools ask whether any are. */
    adminRoute(deps, {
      id: 'adminUserFeatures',
      method: 'GET',
      path: '/_synapse/admin/v1/experimental_features/:userId',
      params: UserParams,
      reply: Type.Object({ features: Type.Object({}) }),
      handle: async ({ params }) => {
        await anyAccount(deps, params.userId)
        return { features: {} }
      },
    }),
    /** Also while nobody can register. */
    adminRoute(deps, {
      id: 'adminUsernameAvailable',
      method: 'GET',
      path: '/_synapse/admin/v1/username_available',
      query: Type.Object({ username: Type.String() }),
      reply: Type.Object({ available: Type.Boolean() }),
      handle: async ({ query }) => {
        await login.administration.checkNewName(query.username)
        return { available: true }
      },
    }),
  ]
}
