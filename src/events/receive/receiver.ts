import { serverAcl } from '../../matrix/server-acl.ts'
import { serverOf } from '../../matrix/ids.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { type JsonObject, own, type Json } from '../../matrix/json.ts'
import type { RoomEvent } from '../../matrix/event.ts'
import type { Room } from '../room.ts'
import { holderIn } from '../state-sets.ts'
import { standings, type StoredEvent } from '../stored-event.ts'
import { openArrivalQueue } from './arrival-queue.ts'
import type { ReceiveDeps } from './deps.ts'
import { budgetForOne, readSigned, Unready } from './foundations.ts'
import { importRoom, type RoomImport } from './import.ts'
import { takeEnding } from './ending.ts'
import { type Incoming, readPdu } from './pdu.ts'
import { signed } from './signatures.ts'
import { type OutsideMember, storeOutside } from './outside.ts'
import { bringOlder, type Older } from './past.ts'
import { openResolver } from './resolver.ts'
import { take, type Taking } from './take.ts'
import { authChainOf, type Outline, templateFor } from './template.ts'

/** How an event of a transaction was taken in. */
export interface Arrival {
  readonly eventId: string
  /** Why it was not; absent: it is on the disk, and will be looked at. */
  readonly error?: string
}

/** The one door for events that other servers made. */
export interface Receiver extends AsyncDisposable {
  /**
   * Takes the events of a transaction, in order. Resolves once those that are taken are on the disk as arrived. What is no event at all has
   * no id, and is left out of the answer.
   * @throws {MatrixError} M_LIMIT_EXCEEDED when so much waits for a room that no more is taken
   */
  arrive(origin: string, pdus: readonly JsonObject[]): Promise<readonly Arrival[]>
  /**
   * Takes one event at once, after what waits for its room: the join of somebody elsewhere, an answer that needs to be known.
   * @throws {MatrixError} M_FORBIDDEN when the rules refuse it, M_BAD_JSON, M_UNKNOWN when it cannot be judged
   */
  takeNow(room: Room, value: Json, origin: string): Promise<StoredEvent>
  /** Takes over a room that another server lets somebody of this one into. See import.ts. */
  importRoom(wish: RoomImport): Promise<Room>
  /** Takes a member event of somebody here in a room that nobody of this server is in. @throws {MatrixError} M_FORBIDDEN unless rightly signed */
  takeOutside(wish: Omit<OutsideMember, 'incoming'> & { readonly pdu: Json }): Promise<StoredEvent>
  /** Those of the values that are rightly signed events of a room, of which nothing else has to be known. */
  readSigned(room: Pick<Room, 'id' | 'version'>, values: readonly Json[]): Promise<RoomEvent[]>
  /** An event at the head of a room, for another server to make. See template.ts. */
  template(room: Room, outline: Outline): Promise<JsonObject>
  /** What events rest on, and what that rests on. */
  authChain(events: readonly StoredEvent[]): Promise<StoredEvent[]>
  /** Whether the room's access control list lets a server take part. */
  mayTakePart(room: Room, server: string): Promise<boolean>
  /** Whether somebody of this server is joined. */
  hasLocalMembers(room: Room): Promise<boolean>
  /** Brings what happened before all that is here of a room, of the first of the servers that tells. See past.ts. */
  bringOlder(room: Room, servers: readonly string[]): Promise<Older>
  /** Resolves when nothing waits for a room any more. */
  settled(room: number): Promise<void>
}

export async function openReceiver(deps: ReceiveDeps): Promise<Receiver> {
  const resolver = openResolver()
  const localMember = new Map<number, number>()

  const hasLocalMembers = async (room: Room): Promise<boolean> => {
    const known = localMember.get(room.nid)
    if (known !== undefined && room.joined.has(known)) return true
    localMember.delete(room.nid)
    const joined = [...room.joined]
    for (let start = 0; start < joined.length; start += 500) {
      for (const [nid, userId] of await deps.users.namesOf(joined.slice(start, start + 500))) {
        if (serverOf(userId) !== deps.serverName) continue
        localMember.set(room.nid, nid)
        return true
      }
    }
    return false
  }

  const mayTakePart = async (room: Room, origin: string): Promise<boolean> => {
    const key = await deps.stateKeys.find('m.room.server_acl', '')
    const nid = key === undefined ? undefined : holderIn(room.chain, key)
    const acl = nid ? await deps.events.get(nid) : undefined
    return serverAcl(acl?.event)(origin)
  }

  const taking = (room: Room, origin: string): Taking => ({
    deps,
    resolver,
    room,
    origin,
    budget: budgetForOne(deps.now()),
    isFetched: false,
  })

  const queue = await openArrivalQueue(deps, (room, incoming, origin) => take(taking(room, origin), incoming))

  /**
   * Those that are rightly signed. It is looked at before anything waits for a room: whose keys are not to be had holds up the transaction that
   * named it, and nobody else's; and what is unsigned takes nobody's place.
   */
  const signedOnly = async (fresh: readonly Fresh[]): Promise<ReadonlySet<Incoming>> => {
    const good = new Set<Incoming>()
    for (const [room, list] of Map.groupBy(fresh, (one) => one.room))
      for (const incoming of await signed(
        deps.keys,
        room.version,
        list.map((one) => one.incoming),
      ))
        good.add(incoming)
    return good
  }

  return {
    hasLocalMembers,
    arrive: async (origin, pdus) => {
      const arrivals: Arrival[] = []
      const fresh: Fresh[] = []
      const refuse = (eventId: string, error: string): void => void arrivals.push({ eventId, error })
      for (const pdu of pdus) {
        const found = await readArrival(deps, pdu)
        if (!found) continue
        const { eventId, room, incoming, error } = found
        if (!room || !incoming) refuse(eventId, error ?? 'There is no such room here')
        else if (!(await mayTakePart(room, origin))) refuse(eventId, `${origin} may not take part in this room`)
        else if (await hasLocalMembers(room)) fresh.push({ room, incoming })
        else if (await takeEnding(deps, room, incoming, origin)) arrivals.push({ eventId })
        else refuse(eventId, 'Nobody of this server is in this room')
      }
      const good = await signedOnly(fresh)
      const taken = fresh.filter(({ incoming }) => good.has(incoming))
      for (const { incoming } of fresh) {
        if (good.has(incoming)) arrivals.push({ eventId: incoming.event.id })
        else refuse(incoming.event.id, 'The event is not signed as it should be')
      }
      await queue.add(
        origin,
        taken.map(({ room, incoming }) => ({ room: room.nid, incoming })),
      )
      return arrivals
    },
    takeNow: (room, value, origin) =>
      queue.inTurn(room.nid, async () => {
        const [incoming] = await readSigned(deps, room, [value])
        if (!incoming) throw new MatrixError('M_FORBIDDEN', 'The event is not signed as it should be')
        try {
          const stored = await take(taking(room, origin), incoming)
          if (stored.standing === standings.accepted) return stored
        } catch (error) {
          if (!(error instanceof Unready)) throw error
          throw new MatrixError('M_UNKNOWN', `The event cannot be judged: ${error.message}`, { cause: error })
        }
        throw new MatrixError('M_FORBIDDEN', 'The rules of the room do not allow this')
      }),
    importRoom: (wish) => importRoom(deps, wish),
    takeOutside: async ({ pdu, ...wish }) => {
      const [incoming] = await readSigned(deps, { id: wish.roomId, version: wish.version }, [pdu])
      if (!incoming) throw new MatrixError('M_FORBIDDEN', 'The event is not signed as it should be')
      return storeOutside(deps, { ...wish, incoming })
    },
    readSigned: async (room, values) => (await readSigned(deps, room, values)).map(({ event }) => event),
    template: (room, outline) => templateFor(deps, room, outline),
    authChain: (events) => authChainOf(deps, events),
    bringOlder: (room, servers) => queue.inTurn(room.nid, () => bringOlder((origin) => taking(room, origin), servers)),
    mayTakePart,
    settled: (room) => queue.settled(room),
    [Symbol.asyncDispose]: async () => {
      await queue[Symbol.asyncDispose]()
      await resolver[Symbol.asyncDispose]()
    },
  }
}

/** An event that came for a room of ours. */
interface Fresh {
  readonly room: Room
  readonly incoming: Incoming
}

interface ReadArrival {
  readonly eventId: string
  readonly room?: Room
  readonly incoming?: Incoming
  readonly error?: string
}

/** What came, by the version of the room that it names. Undefined for what has no id that could be answered. */
async function readArrival(deps: ReceiveDeps, pdu: JsonObject): Promise<ReadArrival | undefined> {
  const roomId = own(pdu, 'room_id')
  const claimed = own(pdu, 'event_id')
  const room = typeof roomId === 'string' ? await deps.heads.byId(roomId) : undefined
  if (!room) return typeof claimed === 'string' ? { eventId: claimed } : undefined
  try {
    const incoming = readPdu(pdu, room.version, room.id)
    return { eventId: incoming.event.id, room, incoming }
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error
    return typeof claimed === 'string' ? { eventId: claimed, error: error.message } : undefined
  }
}
