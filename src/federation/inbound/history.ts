import { Type } from 'typebox'
import { RawJson, route, type Route } from '../../http/index.ts'
import type { StoredEvent } from '../../events/index.ts'
import { readNearest } from '../../history/index.ts'
import type { Database } from '../../storage/index.ts'
import type { Log } from '../../streams/index.ts'
import { manyById } from './auth-chain.ts'
import { pduText } from './pdu-text.ts'
import { eventInSight, notForYou, sightOf, type ServerSight, type SightDeps } from './sight.ts'

export interface HistoryDeps extends SightDeps {
  readonly serverName: string
  readonly database: Database
  readonly log: Pick<Log, 'now'>
  readonly now: () => number
}

const RoomParams = Type.Object({ roomId: Type.String() })
const open = Type.Record(Type.String(), Type.Unknown())
const [mostBackfilled, usualMissing, mostMissing] = [100, 10, 50]
/** Events that are named in one question. */
const mostNamed = 50
/** Events that are looked at to find one that a server may see: so many at once, so often. */
const [atOnce, rounds] = [50, 20]

/** Walks back from events along `prev_events`, the newest first, as far as this server has them. */
async function walkBack(
  { rooms }: SightDeps,
  sight: ServerSight,
  from: readonly StoredEvent[],
  limit: number,
  stop: (stored: StoredEvent) => boolean,
): Promise<StoredEvent[]> {
  const seen = new Set<string>()
  const found: StoredEvent[] = []
  let edge = [...from]
  while (edge.length > 0 && found.length < limit) {
    edge.sort((a, b) => a.event.depth - b.event.depth)
    const stored = edge.pop()
    if (!stored || seen.has(stored.event.id)) continue
    seen.add(stored.event.id)
    if (stored.room !== sight.room.nid || stop(stored)) continue
    found.push(stored)
    const before = stored.event.prevEvents.filter((eventId) => !seen.has(eventId))
    if (before.length > 0) edge = [...edge, ...(await manyById(rooms.events, before))]
  }
  return found
}

/** What a server gets of events: some whole, some redacted, some not at all. */
async function texts(sight: ServerSight, list: readonly StoredEvent[]): Promise<string[]> {
  const shown: string[] = []
  for (const stored of list) {
    const share = await sight.of(stored)
    if (share !== 'none') shown.push(pduText(stored, sight.room.version, share === 'redacted'))
  }
  return shown
}

/** Events of the past. */
export const historyRoutes = (deps: HistoryDeps): Route[] => {
  const { rooms, serverName, now, log, database } = deps
  const transaction = (pdus: readonly string[]): RawJson =>
    new RawJson(`{"origin":${JSON.stringify(serverName)},"origin_server_ts":${now()},"pdus":[${pdus.join(',')}]}`)
  return [
    /** @see https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1eventeventid */
    route({
      id: 'getEvent',
      method: 'GET',
      path: '/_matrix/federation/v1/event/:eventId',
      auth: 'server',
      params: Type.Object({ eventId: Type.String() }),
      reply: open,
      handle: async ({ origin, params }) => {
        const { stored, sight } = await eventInSight(deps, origin, params.eventId)
        return transaction([pduText(stored, sight.room.version)])
      },
    }),
    /** @see https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1backfillroomid */
    route({
      id: 'backfillRoom',
      method: 'GET',
      path: '/_matrix/federation/v1/backfill/:roomId',
      auth: 'server',
      params: RoomParams,
      query: Type.Object({
        v: Type.Array(Type.String(), { maxItems: mostNamed }),
        limit: Type.Integer({ minimum: 1 }),
      }),
      reply: open,
      handle: async ({ origin, params, query }) => {
        const sight = await sightOf(deps, origin, await rooms.find(params.roomId))
        const named = (await manyById(rooms.events, query.v)).filter(({ room }) => room === sight.room.nid)
        if (named.length === 0) throw notForYou()
        const found = await walkBack(deps, sight, named, Math.min(query.limit, mostBackfilled), () => false)
        const shown = await texts(sight, found)
        if (shown.length === 0) throw notForYou()
        return transaction(shown)
      },
    }),
    /** @see https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1get_missing_eventsroomid */
    route({
      id: 'getMissingPreviousEvents',
      method: 'POST',
      path: '/_matrix/federation/v1/get_missing_events/:roomId',
      auth: 'server',
      params: RoomParams,
      body: Type.Object({
        earliest_events: Type.Array(Type.String(), { maxItems: 1000 }),
        latest_events: Type.Array(Type.String(), { maxItems: mostNamed }),
        limit: Type.Optional(Type.Integer()),
        min_depth: Type.Optional(Type.Integer()),
      }),
      reply: open,
      handle: async ({ origin, params, body }) => {
        const sight = await sightOf(deps, origin, await rooms.find(params.roomId))
        const latest = (await manyById(rooms.events, body.latest_events)).filter(({ room }) => room === sight.room.nid)
        if (latest.length === 0 || !sight.isIn) throw notForYou()
        const known = new Set([...body.earliest_events, ...body.latest_events])
        const before = await manyById(rooms.events, [...new Set(latest.flatMap(({ event }) => event.prevEvents))])
        const limit = Math.min(Math.max(body.limit ?? usualMissing, 1), mostMissing)
        const minDepth = body.min_depth ?? 0
        const found = await walkBack(
          deps,
          sight,
          before,
          limit,
          ({ event }) => known.has(event.id) || event.depth < minDepth,
        )
        return new RawJson(`{"events":[${(await texts(sight, found.toReversed())).join(',')}]}`)
      },
    }),
    /** @see https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1timestamp_to_eventroomid */
    route({
      id: 'getEventByTimestamp',
      method: 'GET',
      path: '/_matrix/federation/v1/timestamp_to_event/:roomId',
      auth: 'server',
      params: RoomParams,
      query: Type.Object({ ts: Type.Integer(), dir: Type.Union([Type.Literal('f'), Type.Literal('b')]) }),
      reply: Type.Object({ event_id: Type.String(), origin_server_ts: Type.Integer() }),
      handle: async ({ origin, params, query: { ts, dir } }) => {
        const sight = await sightOf(deps, origin, await rooms.find(params.roomId))
        const edge = dir === 'f' ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER
        let moment = { room: sight.room.nid, ts, position: edge, upTo: log.now, limit: atOnce }
        for (let round = 0; round < rounds; round++) {
          const rows = await readNearest(database.read, dir, moment)
          for (const stored of await rooms.events.many(rows.map((row) => row.nid)))
            if ((await sight.of(stored)) === 'whole')
              return { event_id: stored.event.id, origin_server_ts: stored.event.ts }
          const last = rows.at(-1)
          if (!last || rows.length < atOnce) break
          moment = { ...moment, ts: last.ts, position: last.position ?? edge }
        }
        throw notForYou()
      },
    }),
  ]
}
