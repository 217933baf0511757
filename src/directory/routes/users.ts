import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import { parseMxc } from '../../matrix/ids.ts'
import type { DirectoryRouteDeps } from '../deps.ts'
import { mutualRooms } from '../mutual-rooms.ts'
import { searchUsers } from '../user-search.ts'

const [usualLimit, largestLimit] = [10, 50]

const Found = Type.Object({
  user_id: Type.String(),
  display_name: Type.Optional(Type.String()),
  avatar_url: Type.Optional(Type.String()),
})

export const userRoutes = (deps: DirectoryRouteDeps): Route[] => [
  /** @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3user_directorysearch */
  route({
    id: 'searchUserDirectory',
    method: 'POST',
    path: '/_matrix/client/v3/user_directory/search',
    auth: 'user',
    whileSuspended: true,
    limit: 'heavy',
    body: Type.Object({
      search_term: Type.String({ maxLength: 1000 }),
      limit: Type.Optional(Type.Integer({ minimum: 0 })),
    }),
    reply: Type.Object({ results: Type.Array(Found), limited: Type.Boolean() }),
    handle: async ({ session, body }) => {
      const limit = Math.min(body.limit ?? usualLimit, largestLimit)
      const { users, limited } = await searchUsers(deps, { viewer: session.user, term: body.search_term, limit })
      const results = users.map(({ userId, displayName, avatarUrl }) => ({
        user_id: userId,
        ...(displayName !== null && { display_name: displayName }),
        ...(avatarUrl !== null && parseMxc(avatarUrl) && { avatar_url: avatarUrl }),
      }))
      return { results, limited }
    },
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mutual_rooms */
  route({
    id: 'getMutualRooms',
    method: 'GET',
    path: '/_matrix/client/v1/mutual_rooms',
    auth: 'user',
    limit: 'heavy',
    query: Type.Object({ user_id: Type.String(), from: Type.Optional(Type.String()) }),
    reply: Type.Object({
      joined: Type.Array(Type.String()),
      count: Type.Integer(),
      next_batch: Type.Optional(Type.String()),
    }),
    handle: async ({ session, query }) => {
      const { joined, count, next } = await mutualRooms(deps, session, query.user_id, query.from)
      return { joined, count, ...(next !== undefined && { next_batch: next }) }
    },
  }),
  /** The same by the names that it had while it was tried out (MSC2666). */
  route({
    id: 'getMutualRoomsUnstable',
    method: 'GET',
    path: '/_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms',
    auth: 'user',
    limit: 'heavy',
    query: Type.Object({ user_id: Type.String(), batch_token: Type.Optional(Type.String()) }),
    reply: Type.Object({ joined: Type.Array(Type.String()), next_batch_token: Type.Optional(Type.String()) }),
    handle: async ({ session, query }) => {
      const { joined, next } = await mutualRooms(deps, session, query.user_id, query.batch_token)
      return { joined, ...(next !== undefined && { next_batch_token: next }) }
    },
  }),
]
