import type { Room, UserRoom } from '../../events/index.ts'
import { mustRest, rest } from '../../storage/index.ts'
import { longestAnswer } from '../room-window.ts'
import { standingOf } from '../standing.ts'
import { knownLive, type Connection, type Known } from './connection.ts'
import { unknownPos } from './connections.ts'
import { departures, knownUpTo, look, overlooked } from './due.ts'
import { farewellAnswer, strippedAnswer } from './outside-answer.ts'
import { pickState } from './pick-state.ts'
import type { Places } from './places.ts'
import type { RoomConfig } from './request.ts'
import { roomAnswer } from './room-answer.ts'
import type { RoomContext, RoomTask } from './room-task.ts'
import type { Wanted, WantedRooms } from './wanted.ts'

/** The rooms of an answer. */
export interface RoomsAnswer {
  /** JSON texts by room id. */
  readonly texts: ReadonlyMap<string, string>
  readonly changes: ReadonlyMap<number, Known | undefined>
  readonly members: readonly number[]
  /** Ids of the events in the timelines, by room. */
  readonly shown: ReadonlyMap<number, readonly string[]>
  /** The wanted rooms in which anything at all can have happened since. */
  readonly active: readonly Wanted[]
}

/** So many rooms that changed while the client was away for long are more work than to begin anew. */
const mostFromTables = 200

/** Rooms that are written down at once: an answer is beyond its bound by these at most. */
const atOnce = 20

/** Events of a room that the user has gone from, where the client had the whole timeline. */
const longestFarewell = 20

interface Found {
  readonly id: string
  readonly answer: {
    readonly text: string
    readonly known: Known | undefined
    readonly members: readonly number[]
    readonly events?: readonly string[]
  }
  readonly nid: number
}

/** Tells of every wanted room that has something to tell, and of those that the user has left. */
export async function roomsAnswer(
  context: RoomContext,
  connection: Connection,
  places: Places,
  wanted: WantedRooms,
): Promise<RoomsAnswer> {
  const gone = await departures(context, connection)
  const changes = overlooked(context, connection, wanted)
  const { due, active } = look(context, connection, wanted, gone, changes)
  if (context.read && due.filter(({ place }) => connection.rooms.has(place.room.nid)).length > mostFromTables)
    throw unknownPos()
  await prepare(context, connection, due)
  /** The client knows of the room what it knew before, and the next answer tells of it. */
  const postpone = (nid: number): void => {
    const known = connection.rooms.get(nid)
    if (known) changes.set(nid, { ...known, upTo: knownUpTo(known, context.since) })
  }
  const spared = (nid: number, answer: Promise<Found | undefined>): Promise<Found | undefined> =>
    answer.catch((error: unknown) => {
      context.deps.onRoomError(error, { room: nid, user: context.session.user })
      postpone(nid)
      return undefined
    })
  const tasks: Array<readonly [nid: number, start: () => Promise<Found | undefined>]> = [
    ...due.map((one) => [one.place.room.nid, () => placeAnswer(context, connection, one)] as const),
    ...[...gone].map(
      ([nid, member]) => [nid, () => departureAnswer(context, connection, places, wanted, nid, member)] as const,
    ),
  ]
  const found: Array<Found | undefined> = []
  let left = longestAnswer(context.deps.memory)
  for (let start = 0; start < tasks.length; start += atOnce) {
    if (mustRest()) await rest()
    const part = tasks.slice(start, start + atOnce)
    if (left < 0) for (const [nid] of part) postpone(nid)
    else {
      const told = await Promise.all(part.map(([nid, task]) => spared(nid, task())))
      for (const one of told) left -= one?.answer.text.length ?? 0
      found.push(...told)
    }
  }
  const texts = new Map<string, string>()
  const shown = new Map<number, readonly string[]>()
  const members: number[] = []
  for (const one of found) {
    if (!one) continue
    texts.set(one.id, one.answer.text)
    shown.set(one.nid, one.answer.events ?? [])
    members.push(...one.answer.members)
    const before = connection.rooms.get(one.nid)
    if (!isSame(before, one.answer.known)) changes.set(one.nid, one.answer.known)
    else changes.delete(one.nid)
  }
  return { texts, changes, members, shown, active }
}

const isSame = (a: Known | undefined, b: Known | undefined): boolean =>
  a === b ||
  (a !== undefined &&
    b !== undefined &&
    a.upTo === b.upTo &&
    a.timeline === b.timeline &&
    a.required.text === b.required.text)

/** Brings what many rooms need into memory with few queries. */
async function prepare({ deps, session }: RoomContext, connection: Connection, due: readonly Wanted[]): Promise<void> {
  if (due.length < 2) return
  const heads = new Map<number, Room>()
  await Promise.all(
    due
      .filter(({ place }) => place.member.membership === 'join')
      .map(
        async ({
          place: {
            room: { nid },
          },
        }) => {
          const head = await deps.rooms.byNid(nid)
          if (head) heads.set(nid, head)
        },
      ),
  )
  const unknown = due.filter(({ place: { room } }) => heads.has(room.nid) && !connection.rooms.has(room.nid))
  await deps.statePlaces.prepare(unknown.flatMap(({ place: { room } }) => heads.get(room.nid) ?? []))
  const picked = await Promise.all(
    unknown.map(async ({ place: { room }, config }) => {
      const head = heads.get(room.nid)
      return head ? [...(await pickState(deps, head, head.state, config.required))] : []
    }),
  )
  // A room with more state than an answer can have is found out when it is written down, and left out alone.
  await deps.rooms.events.many(picked.flat()).catch(() => [])
  await deps.unread.countsOfMany(session.user, [...heads.values()])
}

async function placeAnswer(
  context: RoomContext,
  connection: Connection,
  { place, config }: Wanted,
): Promise<Found | undefined> {
  const { deps, since, until } = context
  const {
    room: { nid, id },
    member,
  } = place
  const before = connection.rooms.get(nid)
  const from = before ? knownUpTo(before, since) : 0
  if (member.membership === 'invite' || member.membership === 'knock') {
    const text = await strippedAnswer(context, id, member)
    return text === undefined
      ? undefined
      : { id, nid, answer: { text, known: knownLive(config.required, 0), members: [] } }
  }
  const room = await deps.rooms.byNid(nid)
  if (!room) return undefined
  const joined = member.membership === 'join'
  const task = {
    room,
    member,
    joined,
    order: place.order,
    config,
    from,
    horizon: joined ? until : Math.min(until, place.since),
    known: await stillKnown(context, member, before, from),
    always: joined && hasRead(context, nid, from),
  }
  const answer = await roomAnswer(context, task)
  return answer && { id, nid, answer }
}

/** What the client knows of a room that the user has been in all the time since; a new stay begins anew. */
async function stillKnown(
  { deps, until }: RoomContext,
  member: UserRoom,
  known: Known | undefined,
  from: number,
): Promise<Known | undefined> {
  if (!known || member.position <= from) return known
  const standing = await standingOf(deps.rooms, member, { since: from, until })
  return standing?.stay && !standing.stay.isNew ? known : undefined
}

/** The user has read on: the counts are other ones. */
const hasRead = (
  {
    deps: {
      log: { tail },
    },
    read,
    session,
    until,
  }: RoomContext,
  room: number,
  from: number,
): boolean =>
  tail.covers(from)
    ? tail.lastOfRoom(room) > from &&
      tail.room(room, from, until).some(({ kind, user }) => kind === 'receipt' && user === session.user)
    : (read?.has(room) ?? true)

/** A room that the user was in until now: told up to the end of the stay, and then no more. */
async function departureAnswer(
  context: RoomContext,
  connection: Connection,
  places: Places,
  wanted: WantedRooms,
  nid: number,
  member: UserRoom,
): Promise<Found | undefined> {
  const { deps, since, until } = context
  const room = await deps.rooms.byNid(nid)
  const before = connection.rooms.get(nid)
  if (!room || !before) return undefined
  const from = knownUpTo(before, since)
  const { stay } = (await standingOf(deps.rooms, member, { since: from, until })) ?? {}
  // Who was put out keeps the room in the list; who went has done with it.
  const place = places.byNid.get(nid)
  const end = stay?.end?.position ?? place?.since
  // A forgotten room shows its user nothing any more but how they left it.
  if (end === undefined || member.forgotten) {
    const text = await farewellAnswer(context, member)
    return text === undefined ? undefined : { id: room.id, nid, answer: { text, known: undefined, members: [] } }
  }
  const config: RoomConfig = wanted.rooms.get(nid)?.config ?? {
    required: before.required,
    timelineLimit: Math.min(before.timeline, longestFarewell),
  }
  const task: RoomTask = {
    room,
    member,
    joined: false,
    order: end,
    config,
    from,
    horizon: end,
    known: stay && !stay.isNew ? before : undefined,
    always: true,
  }
  const answer = await roomAnswer(context, task)
  return answer && { id: room.id, nid, answer: { ...answer, known: place ? answer.known : undefined } }
}
