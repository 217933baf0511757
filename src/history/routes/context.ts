import { Type } from 'typebox'
import { RawJson, route, type Route, type Session } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { RoomEventFilter } from '../../matrix/filter.ts'
import { isEventId } from '../../matrix/ids.ts'
import { mayEnter, viewOf, type View } from '../access.ts'
import type { StoredEvent } from '../../events/index.ts'
import { EventParams, notIn, openObject } from '../../rooms/index.ts'
import type { HistoryRouteDeps } from '../deps.ts'
import { membersFor, readPage } from '../page.ts'
import { EventList, Limit, readFilter } from './query.ts'

/** The answer wherever an event is not there, is in another room, or is not for the user's eyes. */
export const noEvent = (): MatrixError =>
  new MatrixError('M_NOT_FOUND', 'There is no such event in this room that you may see')

/** So often are other servers asked for what is older than all that is here, a hundred events at a time, to find one. */
const mostAsked = 3

/** An event that is here, or that was said not long before all that is here of a room whose member asks for it. */
async function findBefore(
  { rooms, history }: HistoryRouteDeps,
  { room, stay }: View,
  eventId: string,
): Promise<StoredEvent | undefined> {
  for (let asked = 0; ; asked++) {
    const stored = await rooms.events.byId(eventId)
    const isPlaced = stored && (stored.position !== 0 || stored.room !== room.nid)
    if (isPlaced || !stay.joined || asked === mostAsked || (await history.older(room)) !== 'more') return stored
  }
}

/** The event and the room around it; undefined when the user may not see it. */
export async function findEvent(
  deps: HistoryRouteDeps,
  session: Session,
  roomId: string,
  eventId: string,
): Promise<{ view: View | undefined; stored: StoredEvent | undefined }> {
  const view = await viewOf(deps, session, roomId)
  const stored = view && isEventId(eventId) ? await findBefore(deps, view, eventId) : undefined
  const seen = stored?.room === view?.room.nid && stored !== undefined && (await deps.history.canSee(session, stored))
  return { view, stored: seen ? stored : undefined }
}

/** @throws {MatrixError} M_NOT_FOUND */
export async function visibleEvent(
  deps: HistoryRouteDeps,
  session: Session,
  roomId: string,
  eventId: string,
): Promise<{ view: View; stored: StoredEvent }> {
  const { view, stored } = await findEvent(deps, session, roomId, eventId)
  if (!view || !stored) throw noEvent()
  return { view, stored }
}

/** The state after `last` that the filter wants; member events, if need be, only of who sent something shown. */
async function stateAround(
  deps: HistoryRouteDeps,
  last: StoredEvent,
  shown: readonly StoredEvent[],
  filter: RoomEventFilter,
): Promise<StoredEvent[]> {
  const state = await deps.rooms.stateAfter(last)
  const members = filter.lazyLoadMembers
    ? new Set((await membersFor(deps, shown)).map((member) => member.nid))
    : undefined
  const names = members && (await deps.rooms.stateKeys.names([...state.keys()]))
  const wanted: number[] = []
  for (const [key, nid] of state)
    if (!members || names?.get(key)?.type !== 'm.room.member' || members.has(nid)) wanted.push(nid)
  return (await deps.rooms.events.many(wanted)).filter(({ event }) => filter.matches(event))
}

/** Most events around one. */
const contextLimit = 100

export const contextRoutes = (deps: HistoryRouteDeps): Route[] => [
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomideventeventid */
  route({
    id: 'getOneRoomEvent',
    method: 'GET',
    path: '/_matrix/client/v3/rooms/:roomId/event/:eventId',
    auth: 'guest',
    params: EventParams,
    reply: openObject,
    handle: async ({ session, params }) => {
      const { stored } = await visibleEvent(deps, session, params.roomId, params.eventId)
      const [json] = await deps.history.serialise([stored], {
        session,
        device: session.device,
        now: deps.now(),
        withRoomId: true,
      })
      return new RawJson(json ?? '')
    },
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidcontexteventid */
  route({
    id: 'getEventContext',
    method: 'GET',
    path: '/_matrix/client/v3/rooms/:roomId/context/:eventId',
    auth: 'guest',
    params: EventParams,
    query: Type.Object({ limit: Limit, filter: Type.Optional(Type.String()) }),
    reply: Type.Object({
      start: Type.String(),
      end: Type.String(),
      events_before: EventList,
      event: openObject,
      events_after: EventList,
      state: EventList,
    }),
    handle: async ({ session, params, query }) => {
      const filter = readFilter(query.filter)
      const { view, stored } = await findEvent(deps, session, params.roomId, params.eventId)
      if (!view || (!stored && !mayEnter(view))) throw notIn(params.roomId)
      if (!stored) throw noEvent()

      const limit = Math.min(query.limit ?? 10, contextLimit)
      const wish = { to: undefined, filter }
      const after = (
        await readPage(deps, view, { ...wish, dir: 'f', from: stored.position, limit: Math.floor(limit / 2) })
      ).events
      const before = (
        await readPage(deps, view, { ...wish, dir: 'b', from: stored.position - 1, limit: Math.ceil(limit / 2) })
      ).events
      const last = after.at(-1) ?? stored
      const shown = [...before, stored, ...after]
      const state = await stateAround(deps, last, shown, filter)

      const reader = { session, device: session.device, now: deps.now(), withRoomId: true }
      const texts = await deps.history.serialise(shown, reader)
      const states = await deps.history.serialise(state, { ...reader, lean: true })
      return new RawJson(
        `{"start":"${(before.at(-1) ?? stored).position - 1}","end":"${last.position}"` +
          `,"events_before":[${texts.slice(0, before.length).join(',')}],"event":${texts[before.length]}` +
          `,"events_after":[${texts.slice(before.length + 1).join(',')}],"state":[${states.join(',')}]}`,
      )
    },
  }),
]
