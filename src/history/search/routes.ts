import { Type } from 'typebox'
import { RawJson, route, type Route } from '../../http/index.ts'
import { parseRoomEventFilter } from '../../matrix/filter.ts'
import { sha256 } from '../../matrix/event.ts'
import { own, type JsonObject } from '../../matrix/json.ts'
import type { HistoryRouteDeps } from '../deps.ts'
import { openObject } from '../../rooms/index.ts'
import { answer } from './answer.ts'
import type { Indexer } from './indexer.ts'
import { parseQuery } from './query.ts'
import { search } from './search.ts'
import { searchKeys } from './text.ts'
import { readToken } from './token.ts'

export interface SearchRouteDeps extends HistoryRouteDeps {
  readonly indexer: Indexer
}

const longestTerm = 1000
const usualContext = 5
/** Most events before, and after, a result. */
const mostContext = 50

const Key = Type.Union(searchKeys.map((key) => Type.Literal(key)))
const Count = Type.Optional(Type.Integer({ minimum: 0 }))

const Criteria = Type.Object({
  search_term: Type.String({ maxLength: longestTerm }),
  keys: Type.Optional(Type.Array(Key, { maxItems: 20 })),
  filter: Type.Optional(openObject),
  order_by: Type.Optional(Type.Union([Type.Literal('rank'), Type.Literal('recent')])),
  event_context: Type.Optional(
    Type.Object({ before_limit: Count, after_limit: Count, include_profile: Type.Optional(Type.Boolean()) }),
  ),
  include_state: Type.Optional(Type.Boolean()),
  groupings: Type.Optional(
    Type.Object({
      group_by: Type.Optional(
        Type.Array(Type.Object({ key: Type.Union([Type.Literal('room_id'), Type.Literal('sender')]) }), {
          maxItems: 20,
        }),
      ),
    }),
  ),
})

const contextWish = (wish: { before_limit?: number; after_limit?: number; include_profile?: boolean } | undefined) =>
  wish && {
    before: Math.min(wish.before_limit ?? usualContext, mostContext),
    after: Math.min(wish.after_limit ?? usualContext, mostContext),
    profiles: wish.include_profile ?? false,
  }

export const searchRoutes = (deps: SearchRouteDeps): Route[] => [
  /**
   * Finds messages, names and topics in the rooms that the user is or was in.
   * @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3search
   */
  route({
    id: 'search',
    method: 'POST',
    path: '/_matrix/client/v3/search',
    auth: 'user',
    whileSuspended: true,
    limit: 'heavy',
    query: Type.Object({ next_batch: Type.Optional(Type.String({ maxLength: 255 })) }),
    body: Type.Object({ search_categories: Type.Object({ room_events: Type.Optional(Criteria) }) }),
    reply: openObject,
    handle: async ({ session, body, query: { next_batch: from } }) => {
      const criteria = body.search_categories.room_events
      if (!criteria) return { search_categories: {} }
      const wantedFilter: JsonObject = criteria.filter ?? {}
      const filter = parseRoomEventFilter(wantedFilter)
      const order = criteria.order_by ?? 'rank'
      const query = parseQuery(criteria.search_term)
      const keys = [...new Set(criteria.keys ?? searchKeys)]
      const digest = sha256(JSON.stringify([criteria.search_term, keys, wantedFilter]))
        .replaceAll(/[^A-Za-z0-9]/g, '')
        .slice(0, 16)
      const wish = {
        digest,
        query,
        filter,
        order,
        limit: Math.max(1, filter.limit),
        keys,
        senders: own(wantedFilter, 'senders') as string[] | undefined, // checked by the filter
        from: from === undefined ? undefined : readToken(from, order, digest),
      }
      await deps.indexer.settled()
      const results = await search(deps, session, wish)
      return new RawJson(
        await answer(deps, session, results, {
          query,
          filter,
          context: contextWish(criteria.event_context),
          state: criteria.include_state ?? false,
          groups: [...new Set((criteria.groupings?.group_by ?? []).map(({ key }) => key))],
        }),
      )
    },
  }),
]
