import type { Session } from '../../http/index.ts'
import type { Room, StoredEvent, UserRoom } from '../../events/index.ts'
import type { SlidingDeps } from './deps.ts'
import { readThreads } from './store.ts'

/** What threads are looked for. */
export interface ThreadsWish {
  readonly session: Session
  readonly memberships: ReadonlyMap<number, UserRoom>
  readonly since: number
  readonly until: number
  readonly limit: number
  /** With the first event of each. */
  readonly withRoots: boolean
  /** Ids of events that the client is told besides: threads of which these are all there is are left out, unless roots are wanted. */
  readonly told: ReadonlySet<string>
}

/** Threads in which something was said. */
export interface ThreadUpdates {
  /** By room id, and by event id of the root: a JSON text. */
  readonly rooms: ReadonlyMap<string, ReadonlyMap<string, string>>
  /** Where those begin for which there is no place; undefined: these are all. */
  readonly next: number | undefined
}

export const noThreads: ThreadUpdates = { rooms: new Map(), next: undefined }

/**
 * The threads of a user's rooms in which something was said in a span, the newest ones.
 * @see https://github.com/matrix-org/matrix-spec-proposals/pull/4360
 */
export async function threadUpdates(deps: SlidingDeps, wish: ThreadsWish): Promise<ThreadUpdates> {
  const { session, since, until, limit } = wish
  const rooms = await roomsWithThreads(deps, wish)
  if (rooms.length === 0) return noThreads
  const rows = await readThreads(deps.database.read, rooms, since, until, limit + 1)
  const last = rows.length > limit ? rows[limit - 1] : undefined
  const found = new Map<string, Map<string, string>>()
  for (const { room_nid: room, thread_root: rootId, latest, events } of rows.slice(0, limit)) {
    const head = await deps.rooms.byNid(room)
    if (rootId === null || !head) continue
    const said = await deps.rooms.timeline({ room, above: latest - 1, upTo: latest, limit: 1, dir: 'b' })
    const [newest] = await deps.visible(session, head, said)
    if (!newest || (!wish.withRoots && events === 1 && wish.told.has(newest.event.id))) continue
    const root = wish.withRoots ? await rootOf(deps, session, head, rootId) : undefined
    const parts = [
      ...(root === undefined ? [] : [`"thread_root":${root}`]),
      ...(events > 1 ? [`"prev_batch":"${latest - 1}"`] : []),
    ]
    const ofRoom = found.get(newest.event.roomId) ?? new Map<string, string>()
    found.set(newest.event.roomId, ofRoom.set(rootId, `{${parts.join(',')}}`))
  }
  return { rooms: found, next: last && last.latest - 1 }
}

/** Those of the joined rooms that can have what is looked for. */
async function roomsWithThreads(
  { log: { tail }, rooms }: SlidingDeps,
  { memberships, since, until }: ThreadsWish,
): Promise<number[]> {
  const joined: number[] = []
  for (const [nid, { membership }] of memberships) if (membership === 'join') joined.push(nid)
  if (!tail.covers(since)) return rooms.changedSince(joined, since)
  return joined.filter(
    (nid) =>
      tail.lastOfRoom(nid) > since &&
      tail
        .room(nid, since, until)
        .some(({ kind, data }) => kind === 'event' && (data as StoredEvent).threadRoot !== null),
  ) // entries of this kind carry it
}

async function rootOf(deps: SlidingDeps, session: Session, room: Room, rootId: string): Promise<string | undefined> {
  const root = await deps.rooms.events.byId(rootId)
  const seen = root?.room === room.nid ? await deps.visible(session, room, [root]) : []
  const [text] = await deps.serialise(seen, { session, device: session.device, now: deps.now(), withRoomId: false })
  return text
}

/** `{"!room":{"$root":{…}}}` */
export const updatesText = ({ rooms }: ThreadUpdates): string =>
  `{${[...rooms]
    .map(
      ([roomId, threads]) =>
        `${JSON.stringify(roomId)}:{${[...threads].map(([rootId, text]) => `${JSON.stringify(rootId)}:${text}`).join(',')}}`,
    )
    .join(',')}}`
