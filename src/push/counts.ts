import type { ReadUpTo, Receipts } from '../ephemeral/index.ts'
import type { CompiledRules } from '../matrix/push-rules/index.ts'
import { relationOf } from '../matrix/relations.ts'
import { type Member, type Room, type Rooms, standings, type StoredEvent } from '../events/index.ts'
import { powerLevelsOf } from '../rooms/index.ts'
import type { Database } from '../storage/index.ts'
import type { Log } from '../streams/index.ts'
import type { Users } from '../users/index.ts'
import { Ledger, mainThread, noCounts, type Candidate, type Counts, type Judge } from './ledger.ts'
import type { PushRules } from './rules.ts'
import { stayStarts } from './stays.ts'
import { readUnread, type Floor } from './store/unread.ts'

export interface CountsDeps {
  readonly database: Database
  readonly log: Log
  readonly rooms: Rooms
  readonly users: Pick<Users, 'nameOf'>
  readonly rules: PushRules
  readonly receipts: Pick<Receipts, 'readUpToMany'>
  /** User ids whose events the user does not want to see; the same object until they change. */
  readonly ignored: (user: number) => ReadonlySet<string> | Promise<ReadonlySet<string>>
}

/** Unread notifications. They are worked out when they are asked for: nothing is written for the members of a room when an event comes. */
export interface NotificationCounts {
  /** As of `log.now`. Nothing for who is not joined. */
  counts(user: number, room: Room): Promise<Counts>
  /** The same for many rooms of one user at once, by the room's nid. */
  countsOfMany(user: number, rooms: readonly Room[]): Promise<ReadonlyMap<number, Counts>>
}

/** What a ledger was made with. When it is no longer so, it is made anew. */
interface Kept {
  readonly ledger: Ledger
  readonly rules: CompiledRules
  readonly ignored: ReadonlySet<string>
  readonly memberEvent: number
}

/** What is known of a user before a room is looked at. */
interface Person {
  readonly user: number
  readonly userId: string
  readonly rules: CompiledRules
  readonly ignored: ReadonlySet<string>
  readonly read: ReadonlyMap<number, ReadUpTo>
}

interface Task {
  readonly room: Room
  readonly member: Member
  readonly read: ReadUpTo
  readonly kept: Kept | undefined
}

/** Of a room that was not counted before, the newest events that are looked at. */
const mostScanned = 1000
/** How many relations are followed to find out that an event is in a thread. */
const mostHops = 3

export function createCounts(deps: CountsDeps): NotificationCounts {
  const { database, log, rooms, users } = deps
  const cache = database.memory.cache<string, Kept>({
    name: 'unread counts',
    weigh: ({ ledger }) => 250 + 100 * ledger.size,
  })

  const personOf = async (user: number, wanted: readonly Room[]): Promise<Person> => {
    const [userId, rules, ignored, read] = await Promise.all([
      users.nameOf(user),
      deps.rules.compiled(user),
      deps.ignored(user),
      deps.receipts.readUpToMany(
        user,
        wanted.map((room) => room.nid),
      ),
    ])
    return { user, userId, rules, ignored, read }
  }

  const judgeOf = async ({ user, userId, rules, ignored }: Person, { room, member }: Task): Promise<Judge> => ({
    user,
    rules,
    viewOf: deps.rules.viewOf,
    ignored,
    levels: await powerLevelsOf(rooms, room),
    context: { userId, displayName: member.displayName ?? undefined, memberCount: room.joined.size },
    threadOf: ({ threadRoot, event }) => threadRoot ?? threadAlong(rooms, room, relationOf(event)?.eventId, mostHops),
    redacted: async ({ event }) => {
      const target = event.redacts === undefined ? undefined : await rooms.events.byId(event.redacts)
      return target && target.redactedBy !== null ? target.nid : undefined
    },
  })

  /** Brings a room up to date and remembers it, unless somebody else got further meanwhile. */
  const settle = async (
    person: Person,
    task: Task,
    before: Ledger,
    events: readonly Candidate[],
    now: number,
  ): Promise<Counts> => {
    const { room, member, kept } = task
    const ledger = events.length === 0 ? before : await before.afterEvents(events, now, await judgeOf(person, task))
    if (ledger === kept?.ledger) return ledger.counts
    const key = keyOf(person.user, room)
    const other = cache.get(key)
    if (!other || other.ledger.upTo <= ledger.upTo) {
      cache.set(key, { ledger, rules: person.rules, ignored: person.ignored, memberEvent: member.event })
    }
    return ledger.counts
  }

  /** Rooms of which nothing is known: their unread events come from the tail where it goes back far enough, else from the database. */
  const begin = async (
    person: Person,
    tasks: readonly Task[],
    now: number,
    found: Map<number, Counts>,
  ): Promise<void> => {
    const starts = await stayStarts(
      rooms,
      tasks.filter(({ read, member }) => read.everywhere < member.position),
    )
    const floors = new Map<Task, Floor>()
    const events = new Map<number, readonly Candidate[]>()
    for (const task of tasks) {
      const { room, read, member } = task
      const start = starts.get(room.nid) ?? member.position
      // Still on its way to the database: the user has not joined yet as far as anyone is told.
      if (start === 0 || start > now) continue
      const all = Math.max(read.everywhere, start)
      const floor = { room: room.nid, roomId: room.id, all, main: Math.max(all, read.threads.get(mainThread) ?? 0) }
      floors.set(task, floor)
      if (log.tail.covers(all)) events.set(room.nid, newestOf(eventsOf(log, room, all, now), floor))
    }
    const distant = [...floors.values()].filter((floor) => !events.has(floor.room))
    await Promise.all(
      distant.map(async (floor) => events.set(floor.room, await readUnread(database.read, floor, now, mostScanned))),
    )
    await prefetchLevels(
      rooms,
      tasks.filter(({ room }) => (events.get(room.nid)?.length ?? 0) > 0),
    )
    for (const task of floors.keys()) {
      const { room, read } = task
      found.set(room.nid, await settle(person, task, new Ledger(read, now), events.get(room.nid) ?? [], now))
    }
  }

  const countsOfMany = async (user: number, wanted: readonly Room[]): Promise<Map<number, Counts>> => {
    const person = await personOf(user, wanted)
    const { now } = log
    const found = new Map<number, Counts>()
    const unknown: Task[] = []
    for (const room of wanted) {
      found.set(room.nid, noCounts)
      const member = room.members.get(user)
      const read = person.read.get(room.nid)
      if (!read || member?.membership !== 'join' || room.latestPosition <= read.everywhere) continue
      const kept = cache.get(keyOf(user, room))
      const task: Task = { room, member, read, kept }
      if (!kept || !isGood(kept, person, task) || !reaches(log, room, kept.ledger)) {
        unknown.push(task)
        continue
      }
      const { ledger } = kept
      const events = room.latestPosition > ledger.upTo ? eventsOf(log, room, ledger.upTo, now) : []
      found.set(room.nid, await settle(person, task, ledger.afterReading(read), events, now))
    }
    if (unknown.length > 0) await begin(person, unknown, now, found)
    return found
  }

  return {
    counts: async (user, room) => (await countsOfMany(user, [room])).get(room.nid) ?? noCounts,
    countsOfMany,
  }
}

const keyOf = (user: number, room: Room): string => `${user} ${room.nid}`

const isGood = (kept: Kept, person: Person, { member }: Task): boolean =>
  kept.rules === person.rules && kept.ignored === person.ignored && kept.memberEvent === member.event

/** Whether what came after a ledger is in the tail. */
const reaches = (log: Log, room: Room, ledger: Ledger): boolean =>
  room.latestPosition <= ledger.upTo || log.tail.covers(ledger.upTo)

function eventsOf(log: Log, room: Room, since: number, until: number): StoredEvent[] {
  return log.tail
    .room(room.nid, since, until)
    .filter((entry) => entry.kind === 'event')
    .map((entry) => entry.data as StoredEvent) // as entries of this kind carry it
    .filter((stored) => stored.standing === standings.accepted)
}

/** The same choice as `readUnread` makes in the database. */
function newestOf(events: readonly StoredEvent[], { main }: Floor): StoredEvent[] {
  const threaded = events.filter((stored) => stored.position <= main && stored.threadRoot !== null)
  return [...threaded.slice(-mostScanned), ...events.filter((stored) => stored.position > main).slice(-mostScanned)]
}

/** The thread of an event that relates to `eventId` in another way than by being in its thread. */
async function threadAlong(rooms: Rooms, room: Room, eventId: string | undefined, hops: number): Promise<string> {
  if (eventId === undefined || hops === 0) return mainThread
  const target = await rooms.events.byId(eventId)
  if (target?.room !== room.nid) return mainThread
  return target.threadRoot ?? threadAlong(rooms, room, relationOf(target.event)?.eventId, hops - 1)
}

/** Brings the events that levels come from into memory, for all rooms at once. */
async function prefetchLevels(rooms: Rooms, tasks: readonly Task[]): Promise<void> {
  const keys = await Promise.all(['m.room.create', 'm.room.power_levels'].map((type) => rooms.stateKeys.find(type, '')))
  const nids = tasks.flatMap(({ room }) => keys.map((key) => (key === undefined ? undefined : room.state.get(key))))
  await rooms.events.many(nids.filter((nid) => nid !== undefined && !rooms.events.peek(nid)) as number[]) // undefined is filtered out
}
