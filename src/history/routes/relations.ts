import { Type } from 'typebox'
import { RawJson, route, type Route, type Session } from '../../http/index.ts'
import type { View } from '../access.ts'
import type { StoredEvent } from '../../events/index.ts'
import type { HistoryRouteDeps } from '../deps.ts'
import { bounds, readToken } from '../page.ts'
import { readChildren, type ChildrenQuery } from '../store/related.ts'
import { visibleEvent } from './context.ts'
import { DirParam, EventList, Limit } from './query.ts'

const Query = Type.Object({
  from: Type.Optional(Type.String()),
  to: Type.Optional(Type.String()),
  dir: Type.Optional(DirParam),
  limit: Limit,
  recurse: Type.Optional(Type.Boolean()),
})

const Reply = Type.Object({
  chunk: EventList,
  next_batch: Type.Optional(Type.String()),
  prev_batch: Type.Optional(Type.String()),
  recursion_depth: Type.Optional(Type.Integer()),
})

interface Params {
  readonly roomId: string
  readonly eventId: string
  readonly relType?: string
  readonly eventType?: string
}

interface Asked {
  from?: string
  to?: string
  dir?: 'b' | 'f'
  limit?: number
  recurse?: boolean
}

const [usualLimit, largestLimit] = [50, 100]
/** Levels of relations that are followed, and events of each. */
const [deepest, widest] = [3, 1000]
/** Pages that are looked through for events that the user may see. */
const rounds = 10

type Child = { event_nid: number; position: number }

/** What relates to the event, or to what relates to it, as far as it is followed: all of it, in the order of the timeline. */
async function descendants(
  deps: HistoryRouteDeps,
  query: ChildrenQuery,
): Promise<{ children: Child[]; depth: number }> {
  const seen = new Map<number, Child>()
  let targets = query.targets
  let depth = 0
  while (depth < deepest && targets.length > 0) {
    // What lies outside of the page may lead to what lies inside.
    const rows = await readChildren(deps.database.read, {
      ...query,
      targets,
      above: Number.MIN_SAFE_INTEGER,
      upTo: deps.log.now,
      limit: widest,
    })
    const fresh = rows.filter((row) => !seen.has(row.event_nid))
    if (fresh.length === 0) break
    for (const row of fresh) seen.set(row.event_nid, row)
    targets = (await deps.rooms.events.many(fresh.map((row) => row.event_nid))).map((stored) => stored.event.id)
    depth += 1
  }
  const within = [...seen.values()].filter(({ position }) => position > query.above && position <= query.upTo)
  return {
    children: within.sort((a, b) => (query.dir === 'b' ? b.position - a.position : a.position - b.position)),
    depth,
  }
}

async function relations(deps: HistoryRouteDeps, session: Session, params: Params, asked: Asked): Promise<RawJson> {
  const { dir = 'b', recurse = false } = asked
  const [from, to] = [
    readToken(deps.log, 'from', asked.from || undefined),
    readToken(deps.log, 'to', asked.to || undefined),
  ]
  const { view } = await visibleEvent(deps, session, params.roomId, params.eventId)
  const limit = Math.min(asked.limit ?? usualLimit, largestLimit)
  const query: ChildrenQuery = {
    room: view.room.nid,
    targets: [params.eventId],
    relType: params.relType,
    type: params.eventType,
    ...(await bounds(deps, view, { dir, from, to })),
    dir,
    limit: limit + 1,
  }
  const tree = recurse ? await descendants(deps, query) : undefined
  const read = async (span: Pick<ChildrenQuery, 'above' | 'upTo'>): Promise<Child[]> =>
    tree
      ? tree.children.filter(({ position }) => position > span.above && position <= span.upTo).slice(0, limit + 1)
      : readChildren(deps.database.read, { ...query, ...span })
  const { events, next } = await visiblePage(deps, view, query, read)
  const chunk = await deps.history.serialise(events, {
    session,
    device: session.device,
    now: deps.now(),
    withRoomId: true,
  })
  return new RawJson(
    `{"chunk":[${chunk.join(',')}]${next === undefined ? '' : `,"next_batch":"${next}"`}` +
      `${from === undefined ? '' : `,"prev_batch":"${from}"`}${tree ? `,"recursion_depth":${tree.depth}` : ''}}`,
  )
}

/** Reads on until the page is full of what the user may see, or for a while. */
async function visiblePage(
  deps: HistoryRouteDeps,
  { session }: View,
  { dir, limit, ...start }: ChildrenQuery,
  read: (span: Pick<ChildrenQuery, 'above' | 'upTo'>) => Promise<Child[]>,
): Promise<{ events: StoredEvent[]; next: number | undefined }> {
  const ignored = await deps.users.accountData.ignored(session.user)
  const events: StoredEvent[] = []
  let { above, upTo } = start
  for (let round = 0; round < rounds; round++) {
    const rows = await read({ above, upTo })
    const visible = await deps.history.visible(session, await deps.rooms.events.many(rows.map((row) => row.event_nid)))
    for (const stored of visible) {
      if (stored.event.stateKey === undefined && ignored.has(stored.event.sender)) continue
      if (events.length === limit - 1) return { events, next: dir === 'b' ? stored.position : stored.position - 1 }
      events.push(stored)
    }
    const last = rows.at(-1)
    if (!last || rows.length < limit) return { events, next: undefined }
    if (dir === 'b') upTo = last.position - 1
    else above = last.position
  }
  return { events, next: dir === 'b' ? upTo : above }
}

const base = '/_matrix/client/v1/rooms/:roomId/relations/:eventId'
const [roomId, eventId, relType, eventType] = [Type.String(), Type.String(), Type.String(), Type.String()]

export const relationRoutes = (deps: HistoryRouteDeps): Route[] => [
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidrelationseventid */
  route({
    id: 'getRelatingEvents',
    method: 'GET',
    path: base,
    auth: 'user',
    params: Type.Object({ roomId, eventId }),
    query: Query,
    reply: Reply,
    handle: async ({ session, params, query }) => relations(deps, session, params, query),
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidrelationseventidreltype */
  route({
    id: 'getRelatingEventsWithRelType',
    method: 'GET',
    path: `${base}/:relType`,
    auth: 'user',
    params: Type.Object({ roomId, eventId, relType }),
    query: Query,
    reply: Reply,
    handle: async ({ session, params, query }) => relations(deps, session, params, query),
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidrelationseventidreltypeeventtype */
  route({
    id: 'getRelatingEventsWithRelTypeAndEventType',
    method: 'GET',
    path: `${base}/:relType/:eventType`,
    auth: 'user',
    params: Type.Object({ roomId, eventId, relType, eventType }),
    query: Query,
    reply: Reply,
    handle: async ({ session, params, query }) => relations(deps, session, params, query),
  }),
]
