import { Type } from 'typebox'
import { RawJson, route, type Route } from '../http/index.ts'
import type { SyncDeps } from './deps.ts'
import { createLazyLoading } from './lazy-loading.ts'
import { createOwed } from './owed.ts'
import { readRequest } from './request.ts'
import { sync, type SyncMemory } from './sync.ts'

const Query = Type.Object({
  filter: Type.Optional(Type.String()),
  since: Type.Optional(Type.String()),
  full_state: Type.Optional(Type.Boolean()),
  set_presence: Type.Optional(
    Type.Union([Type.Literal('online'), Type.Literal('offline'), Type.Literal('unavailable')]),
  ),
  timeout: Type.Optional(Type.Number()),
  use_state_after: Type.Optional(Type.Boolean()),
})

export const syncRoutes = (deps: SyncDeps): Route[] => {
  const kept: SyncMemory = { lazy: createLazyLoading(deps.memory), owed: createOwed(deps.memory) }
  return [
    /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync */
    route({
      id: 'sync',
      method: 'GET',
      path: '/_matrix/client/v3/sync',
      auth: 'guest',
      query: Query,
      reply: Type.Object({ next_batch: Type.String() }),
      handle: async ({ session, query, signal }) => {
        const request = await readRequest(deps, session, query)
        await deps.presence.seen(session, query.set_presence ?? 'online', request.timeout)
        return new RawJson(await sync(deps, kept, request, signal))
      },
    }),
  ]
}
