import { MatrixError } from '../../matrix/errors.ts'
import type { Json } from '../../matrix/json.ts'
import type { Room } from '../room.ts'
import { standings, type StoredEvent } from '../stored-event.ts'
import {
  addArrival,
  type ArrivalRow,
  countArrivals,
  countFailure,
  deleteArrival,
  newestArrival,
  readArrivals,
  readWaitingRooms,
} from '../store/arrivals.ts'
import type { ReceiveDeps } from './deps.ts'
import { readSigned, Unready } from './foundations.ts'
import { type Incoming, readPdu } from './pdu.ts'

/** Events that came, on the disk, and what is done with them: in each room one after the other. */
export interface ArrivalQueue extends AsyncDisposable {
  /**
   * Adds events that a server sent, whose signatures have been looked at. Resolves once they are on the disk.
   * @throws {MatrixError} M_LIMIT_EXCEEDED when so much waits for a room that no more is taken
   */
  add(origin: string, fresh: readonly { readonly room: number; readonly incoming: Incoming }[]): Promise<void>
  /** Does something in a room, between two of the events that wait. */
  inTurn<T>(room: number, work: () => Promise<T>): Promise<T>
  /** Resolves when nothing is done for a room any more. */
  settled(room: number): Promise<void>
}

/** Events that may wait for a room, and of one server; one that sends more is told to come again. */
const [mostWaiting, mostOfOne] = [5000, 1000]
const batch = 50
/** An event that cannot be taken so often is put aside. */
const mostTries = 5
const pauseMs = 2000
/** A server with which one event takes longer has its others wait until those of everybody else are taken. */
const slowMs = 3000

/** How far a room's queue has been worked through. */
interface Lane {
  /** The last that was looked at; of those that wait for slow servers, too. */
  after: number
  afterSlow: number
  readonly slow: Set<string>
  failed: boolean
  /** More has come. */
  again: boolean
}

export async function openArrivalQueue(
  deps: ReceiveDeps,
  take: (room: Room, incoming: Incoming, origin: string) => Promise<StoredEvent>,
): Promise<ArrivalQueue> {
  const queues = new Map<number, Promise<unknown>>()
  const lanes = new Map<number, Lane>()
  /** What came before the start may have come to an earlier release, which looked at signatures here. */
  const unchecked = await newestArrival(deps.database.read)
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

  const takeRow = async (room: Room, row: ArrivalRow): Promise<void> => {
    const done = (): Promise<void> => deps.database.write((tx) => deleteArrival(tx, row.nid))
    const about = { room: room.id, event: row.event_id, origin: row.origin }
    const json = JSON.parse(row.json) as Json // what was stored is JSON
    try {
      if (row.nid <= unchecked && (await readSigned(deps, room, [json])).length === 0) {
        deps.logger.info(about, 'an event of another server is not signed as it should be')
        return await done()
      }
      const { standing } = await take(room, readPdu(json, room.version, room.id), row.origin)
      if (standing !== standings.accepted)
        deps.logger.info({ ...about, standing }, 'an event of another server was not let into the room')
      await done()
    } catch (error) {
      if (closed) return
      if (row.tries + 1 >= mostTries || error instanceof MatrixError) {
        deps.logger.warn({ ...about, err: error }, 'an event of another server is put aside')
        await done()
      } else {
        await deps.database.write((tx) => countFailure(tx, row.nid))
        throw error
      }
    }
  }

  const takeTimed = async (room: Room, row: ArrivalRow, lane: Lane): Promise<void> => {
    const begun = deps.now()
    await takeRow(room, row).catch((error: unknown) => {
      if (!(error instanceof Unready))
        deps.logger.warn({ err: error, room: room.id }, 'an event of another server could not be taken yet')
      lane.failed = true
    })
    if (deps.now() - begun >= slowMs) lane.slow.add(row.origin)
  }

  /** Takes some of what waits; others have their turn after it. Resolves to whether there is more. */
  const step = async (nid: number, lane: Lane): Promise<boolean> => {
    const head = await deps.heads.get(nid)
    lane.again = false
    const rows = await readArrivals(deps.database.read, nid, lane.after, batch)
    for (const row of rows) {
      if (closed) return false
      lane.after = row.nid
      if (!head) await deps.database.write((tx) => deleteArrival(tx, row.nid))
      else if (!lane.slow.has(row.origin)) {
        await takeTimed(head, row, lane)
        if (lane.slow.has(row.origin)) return true
      }
    }
    if (rows.length > 0) return true
    if (!head || lane.slow.size === 0) return lane.again
    for (const row of await readArrivals(deps.database.read, nid, lane.afterSlow, batch)) {
      lane.afterSlow = row.nid
      if (!lane.slow.has(row.origin)) continue
      await takeTimed(head, row, lane)
      return true
    }
    return lane.again || (await readArrivals(deps.database.read, nid, lane.afterSlow, 1)).length > 0
  }

  /** Takes what waits for a room. What cannot be judged yet is tried again a few times, later each time. */
  const drain = (nid: number): void => {
    if (closed) return
    const known = lanes.get(nid)
    if (known) known.again = true
    if (known) return
    const lane: Lane = { after: 0, afterSlow: 0, slow: new Set(), failed: false, again: false }
    lanes.set(nid, lane)
    const end = (): void => {
      lanes.delete(nid)
      if (lane.failed && !closed) setTimeout(() => drain(nid), pauseMs).unref()
    }
    const go = (): void => {
      inTurn(nid, () => step(nid, lane)).then(
        (isMore) => (!closed && (isMore || lane.again) ? go() : end()),
        (error: unknown) => {
          if (!closed) deps.logger.warn({ err: error, room: nid }, 'events of other servers could not be taken')
          lane.failed = true
          end()
        },
      )
    }
    go()
  }

  for (const nid of await readWaitingRooms(deps.database.read)) drain(nid)

  return {
    inTurn,
    add: async (origin, fresh) => {
      const rooms = new Set(fresh.map(({ room }) => room))
      for (const room of rooms) {
        const { all, own } = await countArrivals(deps.database.read, room, origin)
        if (all > mostWaiting || own > mostOfOne)
          throw new MatrixError('M_LIMIT_EXCEEDED', 'Too much waits for this room')
      }
      if (fresh.length === 0) return
      await deps.database.write(async (tx) => {
        for (const { room, incoming } of fresh)
          await addArrival(tx, { room, eventId: incoming.event.id, origin, json: incoming.json })
      })
      for (const room of rooms) drain(room)
    },
    settled: async (room) => {
      while (queues.has(room)) await queues.get(room)
    },
    [Symbol.asyncDispose]: async () => {
      closed = true
      await Promise.all(queues.values())
    },
  }
}
