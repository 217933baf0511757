import { Type } from 'typebox'
import { RawJson, route, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { openConnections, type Connections } from './connections.ts'
import type { SlidingDeps } from './deps.ts'
import { openLabels } from './labels.ts'
import { openListedRooms } from './listed-rooms.ts'
import { openPlaces } from './places.ts'
import { Body, Query, readRequest } from './request.ts'
import { slidingSync, type SlidingParts } from './sliding.ts'
import { openSpaceChildren } from './space-children.ts'
import { openStatePlaces } from './state-places.ts'
import { threadUpdates, updatesText } from './thread-updates.ts'

export type { SlidingDeps } from './deps.ts'

/** Sliding sync. To be disposed of before the database is: what clients know is written down then. */
export interface SlidingSync extends AsyncDisposable {
  readonly routes: readonly Route[]
  /** For the write that deletes devices. */
  readonly deleteOf: Connections['deleteOf']
}

/** Opens sliding sync. To be opened once, before the first event is sent. */
export function openSlidingSync(deps: SlidingDeps): SlidingSync {
  const connections = openConnections(deps)
  const listed = openListedRooms(deps.database, deps.rooms)
  const places = openPlaces(deps, listed)
  const labels = openLabels(deps.database)
  const statePlaces = openStatePlaces(deps.rooms, deps.database.memory)
  deps.log.listen((entry) => {
    listed.hear(entry)
    places.hear(entry)
    labels.hear(entry)
    statePlaces.hear(entry)
  })
  const parts: SlidingParts = {
    ...deps,
    connections,
    places,
    labels,
    statePlaces,
    spaceChildren: openSpaceChildren(deps.rooms, deps.database.memory),
  }
  return {
    routes: [slidingSyncRoute(parts), threadUpdatesRoute(deps)],
    deleteOf: connections.deleteOf,
    [Symbol.asyncDispose]: () => connections[Symbol.asyncDispose](),
  }
}

/**
 * Simplified sliding sync: the rooms in some windows of the user's list, and what changes in them.
 * @see https://github.com/matrix-org/matrix-spec-proposals/pull/4186
 */
const slidingSyncRoute = (parts: SlidingParts): Route =>
  route({
    id: 'slidingSync',
    method: 'POST',
    path: '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync',
    auth: 'user',
    whileSuspended: true,
    query: Query,
    body: Body,
    reply: Type.Object({ pos: Type.String() }),
    handle: async ({ session, query, body, signal }) => {
      const request = readRequest(session, query, body)
      void parts.presence.seen(session, query.set_presence ?? 'online', request.timeout)
      return new RawJson(await slidingSync(parts, request, signal))
    },
  })

const mostThreads = 100

/**
 * Threads in which something was said, back to a `pos`: for those that an answer had no place for.
 * @see https://github.com/matrix-org/matrix-spec-proposals/pull/4360
 */
const threadUpdatesRoute = (deps: SlidingDeps): Route =>
  route({
    id: 'threadUpdates',
    method: 'GET',
    path: '/_matrix/client/unstable/io.element.msc4360/thread_updates',
    auth: 'user',
    query: Type.Object({
      dir: Type.Literal('b'),
      from: Type.Optional(Type.String()),
      to: Type.Optional(Type.String()),
      limit: Type.Optional(Type.Integer({ minimum: 1 })),
    }),
    reply: Type.Object({}),
    handle: async ({ session, query }) => {
      const updates = await threadUpdates(deps, {
        session,
        memberships: await deps.rooms.of(session.user),
        since: positionIn(query.to) ?? 0,
        until: Math.min(positionIn(query.from) ?? deps.log.now, deps.log.now),
        limit: Math.min(query.limit ?? mostThreads, mostThreads),
        withRoots: true,
        told: new Set(),
      })
      return new RawJson(
        `{"chunk":${updatesText(updates)}${updates.next === undefined ? '' : `,"next_batch":"${updates.next}"`}}`,
      )
    },
  })

/** A pagination token, or the first half of a `pos`. @throws {MatrixError} M_INVALID_PARAM */
function positionIn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const [, position] = /^(\d{1,15})(_[\w-]{1,16})?$/.exec(text) ?? []
  if (position === undefined) throw new MatrixError('M_INVALID_PARAM', 'This is not a token of this server')
  return Number(position)
}
