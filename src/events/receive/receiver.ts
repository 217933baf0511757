import { serverAcl } from '../../matrix/server-acl.ts'
import { serverOf } from '../../matrix/ids.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { type JsonObject, own, type Json } from '../../matrix/json.ts'
import type { RoomEvent } from '../../matrix/event.ts'
import type { Room } from '../room.ts'
import { holderIn } from '../state-sets.ts'
import { standings, type StoredEvent } from '../stored-event.ts'
import {
  addArrival,
  type ArrivalRow,
  countArrivals,
  countFailure,
  deleteArrival,
  readArrivals,
  readWaitingRooms,
} from '../store/arrivals.ts'
import type { ReceiveDeps } from './deps.ts'
import { budgetForOne, readSigned, Unready } from './foundations.ts'
import { importRoom, type RoomImport } from './import.ts'
import { takeEnding } from './ending.ts'
import { type Incoming, readPdu } from './pdu.ts'
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

/** Events that may wait for a room; a server that sends more is told to come again. */
const mostWaiting = 5000
const batch = 50
/** An event that cannot be taken so often is put aside. */
const mostTries = 5

export async function openReceiver(deps: ReceiveDeps): Promise<Receiver> {
  const resolver = openResolver()
  const localMember = new Map<number, number>()
  /** What is done for a room, one after the other. */
  const queues = new Map<number, Promise<unknown>>()
  const draining = new Set<number>()
  let closed = false

  const inTurn = <T>(room: number, work: () => Promise<T>): Promise<T> => {
    const result = (queues.get(room) ?? Promise.resolve()).then(work, work)
    const done = result.then(
      () => {},
      () => {},
    )
    queues.set(room, done)
    void done.then(() => {
      if (queues.get(room) === done) queues.delete(room)
    })
    return result
  }

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
    budget: budgetForOne(),
    isFetched: false,
  })

  const takeRow = async (room: Room, row: ArrivalRow, good: ReadonlySet<string>): Promise<void> => {
    const done = (): Promise<void> => deps.database.write((tx) => deleteArrival(tx, row.nid))
    const about = { room: room.id, event: row.event_id, origin: row.origin }
    try {
      if (!good.has(row.event_id)) {
        deps.logger.info(about, 'an event of another server is not signed as it should be')
        return await done()
      }
      const { standing } = await take(
        taking(room, row.origin),
        readPdu(JSON.parse(row.json) as Json, room.version, room.id),
      )
      if (standing !== standings.accepted)
        deps.logger.info({ ...about, standing }, 'an event of another server was not let into the room')
      await done()
    } catch (error) {
      if (closed) return
      if (row.tries + 1 >= mostTries || !(error instanceof Unready)) {
        deps.logger.warn({ ...about, err: error }, 'an event of another server is put aside')
        await done()
      } else {
        await deps.database.write((tx) => countFailure(tx, row.nid))
        throw error
      }
    }
  }

  const drainOnce = async (nid: number): Promise<boolean> => {
    const head = await deps.heads.get(nid)
    let after = 0
    let failed = false
    for (;;) {
      const rows = await readArrivals(deps.database.read, nid, after, batch)
      if (rows.length === 0 || closed) return failed
      if (!head) {
        for (const row of rows) await deps.database.write((tx) => deleteArrival(tx, row.nid))
        return false
      }
      const values = rows.map((row) => JSON.parse(row.json) as Json)
      const good = new Set((await readSigned(deps, head, values)).map(({ event }) => event.id))
      for (const row of rows) {
        after = row.nid
        await takeRow(head, row, good).catch((error: unknown) => {
          if (!(error instanceof Unready)) throw error
          failed = true
        })
        if (closed) return false
      }
    }
  }

  /** Takes what waits for a room. What cannot be judged yet is tried again a few times, later each time. */
  const drain = (nid: number): void => {
    if (draining.has(nid) || closed) return
    draining.add(nid)
    inTurn(nid, async () => {
      draining.delete(nid)
      return drainOnce(nid)
    }).then(
      (failed) => {
        if (failed) setTimeout(() => drain(nid), 2000).unref()
      },
      (error: unknown) => {
        if (!closed) deps.logger.warn({ err: error, room: nid }, 'events of other servers could not be taken')
      },
    )
  }

  for (const nid of await readWaitingRooms(deps.database.read)) drain(nid)

  return {
    hasLocalMembers,
    arrive: async (origin, pdus) => {
      const arrivals: Arrival[] = []
      const fresh: Array<{ room: number; incoming: Incoming }> = []
      for (const pdu of pdus) {
        const found = await readArrival(deps, pdu)
        if (!found) continue
        const { room, incoming, error } = found
        if (!room || !incoming) arrivals.push({ eventId: found.eventId, error: error ?? 'There is no such room here' })
        else if (!(await mayTakePart(room, origin)))
          arrivals.push({ eventId: found.eventId, error: `${origin} may not take part in this room` })
        else if (!(await hasLocalMembers(room)) && (await takeEnding(deps, room, incoming, origin)))
          arrivals.push({ eventId: found.eventId })
        else if (!(await hasLocalMembers(room)))
          arrivals.push({ eventId: found.eventId, error: 'Nobody of this server is in this room' })
        else {
          fresh.push({ room: room.nid, incoming })
          arrivals.push({ eventId: found.eventId })
        }
      }
      const rooms = new Set(fresh.map(({ room }) => room))
      for (const room of rooms)
        if ((await countArrivals(deps.database.read, room)) > mostWaiting)
          throw new MatrixError('M_LIMIT_EXCEEDED', 'Too much waits for this room')
      if (fresh.length > 0)
        await deps.database.write(async (tx) => {
          for (const { room, incoming } of fresh)
            await addArrival(tx, { room, eventId: incoming.event.id, origin, json: incoming.json })
        })
      for (const room of rooms) drain(room)
      return arrivals
    },
    takeNow: (room, value, origin) =>
      inTurn(room.nid, async () => {
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
    bringOlder: (room, servers) => inTurn(room.nid, () => bringOlder((origin) => taking(room, origin), servers)),
    mayTakePart,
    settled: async (room) => {
      while (queues.has(room)) await queues.get(room)
    },
    [Symbol.asyncDispose]: async () => {
      closed = true
      await Promise.all(queues.values())
      await resolver[Symbol.asyncDispose]()
    },
  }
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
