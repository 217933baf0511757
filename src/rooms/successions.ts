import { isObject, own, type JsonObject } from '../matrix/json.ts'
import type { Entry, Log } from '../streams/index.ts'
import type { Users } from '../users/index.ts'
import { membershipIn, type Room, type Rooms, type StoredEvent } from '../events/index.ts'

export interface SuccessionsDeps {
  readonly rooms: Rooms
  readonly users: Users
  readonly log: Log
  /** Port, filled by push/: gives a user the push rules for one room that they have for another. */
  readonly copyPushRules: (user: number, fromRoomId: string, toRoomId: string) => Promise<void>
  /** For work that nobody waits for. */
  readonly onError: (error: unknown) => void
}

/** Sees to it that a local user who joins the successor of a room finds their own settings of that room there. */
export interface Successions extends AsyncDisposable {
  /**
   * Carries tags, the mark of a direct chat and push rules over to a room from the one whose place it took, where the user was
   * joined. Does nothing for a room that has no such predecessor, or none that agrees.
   */
  carryOver(user: number, to: Room): Promise<void>
}

/** Members of a successor that are looked at when the room that it replaces is closed; there is hardly more than who made it. */
const mostAtOnce = 100

export function openSuccessions(deps: SuccessionsDeps): Successions {
  const { rooms, users, log, copyPushRules, onError } = deps
  const underWay = new Set<Promise<void>>()

  const carryOver = async (user: number, to: Room): Promise<void> => {
    const from = await predecessorOf(rooms, to)
    if (!from?.joined.has(user)) return
    const tags = await users.accountData.get(user, from.nid, 'm.tag')
    if (tags && !(await users.accountData.get(user, to.nid, 'm.tag')))
      await users.accountData.set(user, to.nid, 'm.tag', tags)
    const direct = await users.accountData.get(user, undefined, 'm.direct')
    if (direct && withSuccessor(direct, from.id, to.id) !== direct) {
      await users.accountData.edit(user, undefined, 'm.direct', (content) => withSuccessor(content, from.id, to.id))
    }
    await copyPushRules(user, from.id, to.id)
  }

  const hear = async (user: number, room: number): Promise<void> => {
    const to = (await users.account(user)) && (await rooms.byNid(room))
    if (to) await carryOver(user, to)
  }

  /** Who made the successor by hand was in it before the room that it replaces said so. */
  const hearReplaced = async (room: number): Promise<void> => {
    const from = await rooms.byNid(room)
    const successor = from?.summary.successor
    const to = successor == null ? undefined : await rooms.find(successor)
    for (const user of [...(to?.joined ?? [])].slice(0, mostAtOnce))
      if (to && from?.joined.has(user) && (await users.account(user))) await carryOver(user, to)
  }

  const track = (doing: Promise<void>): void => {
    const work: Promise<void> = doing.catch(onError).finally(() => underWay.delete(work))
    underWay.add(work)
  }

  log.listen((entry) => {
    const { user, room } = entry
    if (room === undefined || entry.kind !== 'event') return
    if (user !== undefined && isJoin(entry)) track(hear(user, room))
    else if ((entry.data as StoredEvent).event.type === 'm.room.tombstone') track(hearReplaced(room))
  })

  return {
    carryOver,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(underWay)
    },
  }
}

/** The member event of somebody who joins; a change of profile is one too, and does no harm. */
const isJoin = ({ kind, data }: Entry): boolean =>
  kind === 'event' && membershipIn((data as StoredEvent).event) === 'join' // entries of this kind carry one

/**
 * The room whose place this one took, if that one says so too: anyone can make a room that names any other as its predecessor.
 */
async function predecessorOf(rooms: Rooms, room: Room): Promise<Room | undefined> {
  const create = await rooms.stateEvent(room, 'm.room.create', '')
  const id = own(own(create?.event.content, 'predecessor'), 'room_id')
  const from = typeof id === 'string' ? await rooms.find(id) : undefined
  return from?.summary.successor === room.id ? from : undefined
}

/** `m.direct` with the successor beside the room, for each user whose direct chat that is; the same object where there is nothing to add. */
function withSuccessor(direct: JsonObject, from: string, to: string): JsonObject {
  const changes: JsonObject = {}
  for (const [userId, list] of Object.entries(isObject(direct) ? direct : {})) {
    if (Array.isArray(list) && list.includes(from) && !list.includes(to)) changes[userId] = [...list, to]
  }
  return Object.keys(changes).length > 0 ? { ...direct, ...changes } : direct
}
