import { Type } from 'typebox'
import { RawJson, route, type Route, type Session } from '../http/index.ts'
import { MatrixError } from '../matrix/errors.ts'
import type { StoredEvent } from '../events/index.ts'
import { notificationsOf, type NotificationsDeps } from './notifications.ts'

export interface NotificationRouteDeps extends NotificationsDeps {
  /** Port to rooms/: events as their reader gets them, as JSON texts. */
  readonly serialise: (session: Session, events: readonly StoredEvent[]) => Promise<readonly string[]>
}

const defaultLimit = 20
const mostAtOnce = 100

function positionOf(token: string | undefined): number {
  if (token === undefined) return Number.MAX_SAFE_INTEGER
  if (!/^\d{1,15}$/.test(token)) throw new MatrixError('M_INVALID_PARAM', '"from" is not a token of this server')
  return Number(token)
}

/** What a user was notified of. @see https://spec.matrix.org/v1.19/client-server-api/#listing-notifications */
export const notificationsRoutes = (deps: NotificationRouteDeps): Route[] => [
  route({
    id: 'getNotifications',
    method: 'GET',
    path: '/_matrix/client/v3/notifications',
    auth: 'user',
    limit: 'heavy',
    query: Type.Object({
      from: Type.Optional(Type.String()),
      limit: Type.Optional(Type.Integer({ minimum: 1 })),
      only: Type.Optional(Type.String()),
    }),
    reply: Type.Object({ next_token: Type.Optional(Type.String()), notifications: Type.Array(Type.Object({})) }),
    handle: async ({ session, query }) => {
      const { found, next } = await notificationsOf(deps, {
        user: session.user,
        userId: session.userId,
        before: positionOf(query.from),
        limit: Math.min(query.limit ?? defaultLimit, mostAtOnce),
        highlights: query.only === 'highlight',
      })
      const texts = await deps.serialise(
        session,
        found.map(({ stored }) => stored),
      )
      const notifications = found.map(
        ({ stored, room, actions, read }, index) =>
          `{"actions":${JSON.stringify(actions.raw)},"event":${texts[index]},"read":${read},"room_id":${JSON.stringify(room.id)},"ts":${stored.event.ts}}`,
      )
      return new RawJson(
        `{${next === undefined ? '' : `"next_token":"${next}",`}"notifications":[${notifications.join(',')}]}`,
      )
    },
  }),
]
