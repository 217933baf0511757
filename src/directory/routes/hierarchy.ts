import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import type { DirectoryRouteDeps } from '../deps.ts'
import { hierarchyPage, type HierarchyRoom } from '../hierarchy.ts'

const Query = Type.Object({
  suggested_only: Type.Optional(Type.Boolean()),
  limit: Type.Optional(Type.Integer()),
  max_depth: Type.Optional(Type.Integer()),
  from: Type.Optional(Type.String()),
})

const Page = Type.Object({
  rooms: Type.Array(Type.Unsafe<HierarchyRoom>(Type.Object({}))),
  next_batch: Type.Optional(Type.String()),
})

export const hierarchyRoutes = (deps: DirectoryRouteDeps): Route[] => [
  /**
   * The rooms below a space that the user may know of.
   * @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidhierarchy
   */
  route({
    id: 'getSpaceHierarchy',
    method: 'GET',
    path: '/_matrix/client/v1/rooms/:roomId/hierarchy',
    auth: 'guest',
    limit: 'heavy',
    params: Type.Object({ roomId: Type.String() }),
    query: Query,
    reply: Page,
    handle: ({ session, params, query }) =>
      hierarchyPage(deps, session.user, params.roomId, {
        suggestedOnly: query.suggested_only ?? false,
        maxDepth: query.max_depth,
        limit: query.limit,
        from: query.from,
      }),
  }),
]
