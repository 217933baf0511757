import { type Static, Type } from 'typebox'
import type { Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { mediaOrders, remoteName, type MediaInfo, type MediaOfUser } from '../../media/index.ts'
import type { AdminApiDeps } from '../deps.ts'
import { mediaInRoom } from '../room-media.ts'
import { adminRoute, Dir, Empty, nextOf, pageOf, Paging, UserParams } from './route.ts'
import { mustBeRoom, RoomParams } from './rooms.ts'
import { anyAccount } from './user.ts'

const base = '/_synapse/admin/v1'
const Address = Type.Object({ serverName: Type.String(), mediaId: Type.String() })
const MediaId = Type.Object({ mediaId: Type.String() })
const Deleted = Type.Object({ deleted_media: Type.Array(Type.String()), total: Type.Integer() })
const Quarantined = Type.Object({ num_quarantined: Type.Integer() })
const OfUser = Type.Object({
  ...Paging,
  order_by: Type.Optional(Type.Union(mediaOrders.map((order) => Type.Literal(order)))),
  dir: Dir,
})

const listed = (row: MediaOfUser) => ({
  media_id: row.media_id,
  created_ts: row.created_ts,
  last_access_ts: row.accessed_ts,
  media_length: row.size,
  media_type: row.type,
  quarantined_by: row.quarantined_by,
  safe_from_quarantine: row.safe === 1,
  upload_name: row.filename,
})

/** Files: what there is, quarantine, and deletion. */
export const mediaAdminRoutes = (deps: AdminApiDeps): Route[] => {
  const { media, serverName } = deps
  const deleted = (ids: string[]) => ({ deleted_media: ids, total: ids.length })
  const wishOf = (query: Static<typeof OfUser>) =>
    ({
      ...pageOf(query),
      orderBy: query.order_by ?? 'created_ts',
      dir: query.dir ?? (query.order_by === undefined ? 'b' : 'f'),
    }) as const
  /** By what it is kept here. */
  const idOf = ({ serverName: server, mediaId }: Static<typeof Address>): string =>
    server === serverName ? mediaId : remoteName(server, mediaId)
  const addressOf = (id: string): { origin: string; media_id: string } => {
    const slash = id.indexOf('/')
    return slash === -1
      ? { origin: serverName, media_id: id }
      : { origin: id.slice(0, slash), media_id: id.slice(slash + 1) }
  }
  const info = async (params: Static<typeof Address>): Promise<MediaInfo> => {
    const found = await media.info(idOf(params))
    if (!found) throw new MatrixError('M_NOT_FOUND', 'Unknown media')
    return found
  }
  /** @throws MatrixError for what is not a file of this server */
  const mustBeOurs = (name: string): void => {
    if (name !== serverName) throw new MatrixError('M_INVALID_PARAM', 'Can only delete local media')
  }
  const quarantineIn = async (roomId: string, by: string) => {
    const { local } = await mediaInRoom(deps, (await mustBeRoom(deps, roomId)).nid)
    return { num_quarantined: await media.quarantine(local, by) }
  }
  const mediaIdsOf = async (user: number): Promise<string[]> => {
    const ids: string[] = []
    for (let from = 0; ; from += 1000) {
      const page = await media.of(user, { orderBy: 'media_id', dir: 'f', from, limit: 1000 })
      ids.push(...page.media.map((row) => row.media_id))
      if (page.media.length < 1000) return ids
    }
  }
  return [
    adminRoute(deps, {
      id: 'adminListUserMedia',
      method: 'GET',
      path: `${base}/users/:userId/media`,
      params: UserParams,
      query: OfUser,
      reply: Type.Object({ media: Type.Array(Type.Object({})), total: Type.Integer() }),
      handle: async ({ params, query }) => {
        const wish = wishOf(query)
        const { media: rows, total } = await media.of((await anyAccount(deps, params.userId)).nid, wish)
        const next = nextOf(wish, rows.length, total)
        return { media: rows.map(listed), ...(next !== undefined && { next_token: next }), total }
      },
    }),
    adminRoute(deps, {
      id: 'adminDeleteUserMedia',
      method: 'DELETE',
      path: `${base}/users/:userId/media`,
      params: UserParams,
      query: OfUser,
      reply: Deleted,
      handle: async ({ params, query }) => {
        const { media: rows } = await media.of((await anyAccount(deps, params.userId)).nid, wishOf(query))
        return deleted(await media.delete(rows.map((row) => row.media_id)))
      },
    }),
    adminRoute(deps, {
      id: 'adminRoomMedia',
      method: 'GET',
      path: `${base}/room/:roomId/media`,
      limit: 'heavy',
      params: RoomParams,
      reply: Type.Object({ local: Type.Array(Type.String()), remote: Type.Array(Type.String()) }),
      handle: async ({ params }) => {
        const { local, remote } = await mediaInRoom(deps, (await mustBeRoom(deps, params.roomId)).nid)
        return { local: local.map((id) => `mxc://${serverName}/${id}`), remote }
      },
    }),
    adminRoute(deps, {
      id: 'adminGetMedia',
      method: 'GET',
      path: `${base}/media/:serverName/:mediaId`,
      params: Address,
      reply: Type.Object({ media_info: Type.Object({}) }),
      handle: async ({ params }) => {
        const row = await info(params)
        return {
          media_info: {
            media_origin: params.serverName,
            user_id: row.user_id,
            media_id: params.mediaId,
            media_type: row.type,
            media_length: row.size,
            upload_name: row.filename,
            created_ts: row.created_ts,
            filesystem_id: row.name,
            url_cache: null,
            last_access_ts: row.accessed_ts,
            quarantined_by: row.quarantined_by,
            authenticated: row.authenticated === 1,
            safe_from_quarantine: row.safe === 1,
            sha256: row.hash,
          },
        }
      },
    }),
    adminRoute(deps, {
      id: 'adminDeleteMedia',
      method: 'DELETE',
      path: `${base}/media/:serverName/:mediaId`,
      params: Address,
      reply: Deleted,
      handle: async ({ params }) => {
        mustBeOurs(params.serverName)
        await info(params)
        return deleted(await media.delete([params.mediaId]))
      },
    }),
    /** By when they were last fetched, and by size. */
    adminRoute(deps, {
      id: 'adminDeleteUnusedMedia',
      method: 'POST',
      path: `${base}/media/delete`,
      paths: [`${base}/media/:serverName/delete`],
      limit: 'heavy',
      query: Type.Object({
        before_ts: Type.Integer({ minimum: 0 }),
        size_gt: Type.Optional(Type.Integer({ minimum: 0 })),
        keep_profiles: Type.Optional(Type.Boolean()),
      }),
      reply: Deleted,
      handle: async ({ query }) => {
        // Seconds instead of milliseconds would delete next to nothing, and nobody would see why.
        if (query.before_ts > 0 && query.before_ts < 30_000_000_000)
          throw new MatrixError(
            'M_INVALID_PARAM',
            '"before_ts" is in milliseconds since 1970, and this is no such time',
          )
        return deleted(
          await media.deleteUnused({
            before: query.before_ts,
            larger: query.size_gt ?? 0,
            keepAvatars: query.keep_profiles !== false,
          }),
        )
      },
    }),
    adminRoute(deps, {
      id: 'adminQuarantineMedia',
      method: 'POST',
      path: `${base}/media/quarantine/:serverName/:mediaId`,
      params: Address,
      reply: Empty,
      handle: async ({ session, params }) => {
        await info(params)
        await media.quarantine([idOf(params)], session.userId)
        return {}
      },
    }),
    adminRoute(deps, {
      id: 'adminUnquarantineMedia',
      method: 'POST',
      path: `${base}/media/unquarantine/:serverName/:mediaId`,
      params: Address,
      reply: Empty,
      handle: async ({ params }) => {
        await info(params)
        await media.unquarantine(idOf(params))
        return {}
      },
    }),
    adminRoute(deps, {
      id: 'adminQuarantineRoomMedia',
      method: 'POST',
      path: `${base}/room/:roomId/media/quarantine`,
      paths: [`${base}/quarantine_media/:roomId`],
      limit: 'heavy',
      params: RoomParams,
      reply: Quarantined,
      handle: ({ session, params }) => quarantineIn(params.roomId, session.userId),
    }),
    adminRoute(deps, {
      id: 'adminQuarantineUserMedia',
      method: 'POST',
      path: `${base}/user/:userId/media/quarantine`,
      limit: 'heavy',
      params: UserParams,
      reply: Quarantined,
      handle: async ({ session, params }) => ({
        num_quarantined: await media.quarantine(
          await mediaIdsOf((await anyAccount(deps, params.userId)).nid),
          session.userId,
        ),
      }),
    }),
    adminRoute(deps, {
      id: 'adminQuarantineChanges',
      method: 'GET',
      path: `${base}/media/quarantine_changes`,
      query: Type.Object({ from: Type.Optional(Type.Integer({ minimum: 0 })) }),
      reply: Type.Object({ next_batch: Type.Integer(), changes: Type.Array(Type.Object({})) }),
      handle: async ({ query: { from = 0 } }) => {
        const rows = await media.changes(from)
        const changes = rows.map((row) => ({
          ...addressOf(row.media_id),
          quarantined: row.quarantined === 1,
        }))
        return { next_batch: rows.at(-1)?.nid ?? from, changes }
      },
    }),
    adminRoute(deps, {
      id: 'adminProtectMedia',
      method: 'POST',
      path: `${base}/media/protect/:mediaId`,
      params: MediaId,
      reply: Empty,
      handle: async ({ params }) => {
        await media.protect(params.mediaId, true)
        return {}
      },
    }),
    adminRoute(deps, {
      id: 'adminUnprotectMedia',
      method: 'POST',
      path: `${base}/media/unprotect/:mediaId`,
      params: MediaId,
      reply: Empty,
      handle: async ({ params }) => {
        await media.protect(params.mediaId, false)
        return {}
      },
    }),
    /** What is kept of other servers; at most 10,000 at a time. */
    adminRoute(deps, {
      id: 'adminPurgeMediaCache',
      method: 'POST',
      path: `${base}/purge_media_cache`,
      limit: 'heavy',
      query: Type.Object({ before_ts: Type.Integer({ minimum: 0 }) }),
      reply: Type.Object({ deleted: Type.Integer() }),
      handle: async ({ query }) => ({ deleted: await media.purgeRemote(query.before_ts) }),
    }),
  ]
}
