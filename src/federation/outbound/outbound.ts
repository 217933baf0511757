import { isLocalUser } from '../../matrix/ids.ts'
import { canonicalJson, type JsonObject } from '../../matrix/json.ts'
import { openSequence, type Tx } from '../../storage/index.ts'
import type { StoredEvent } from '../../events/index.ts'
import type { OutboundDeps } from './deps.ts'
import { openDestination, type Destination, type Parcel } from './destination.ts'
import { deviceEdus, mailEdu } from './edus.ts'
import { addDestination } from '../store.ts'
import { openNews } from './news.ts'
import { createPool } from './pool.ts'
import { addMail, readAddressees, readDebtors, readMark, saveMark, trimMail } from './store.ts'

/** Telling other servers what happens here. */
export interface Outbound extends AsyncDisposable {
  /** Tells of an event that somebody elsewhere made and that came in by us: who is in the room, `but` the one it came from. */
  forward(stored: StoredEvent, but: string): Promise<void>
  /** Leaves a message for devices of another server, within a write. Call `sent` after it. */
  leave(tx: Tx, server: string, content: JsonObject): Promise<void>
  sent(servers: Iterable<string>): void
  /** What is told to whom, for administrators and metrics. */
  readonly destinations: ReadonlyMap<string, Pick<Destination, 'server' | 'waiting'>>
  /** It is tried again now. */
  retry(server: string): void
  /** Resolves when everything that the log has said until now is on its way or written down: for tests. */
  idle(): Promise<void>
}

/** So many positions are looked at in one go. */
const window = 2000
/** How far everybody has been told is written down so often at most; what was sent since may be sent once more. */
const saveEveryMs = 1000
const mostMailWaiting = 10_000
/** Requests under way, to servers that answer and to those that did not. */
const [mostAtOnce, mostTries] = [200, 20]

/** An event as servers exchange it. @see https://spec.matrix.org/v1.19/server-server-api/#pdus */
function pduOf({ event: { pdu } }: StoredEvent): JsonObject {
  const { unsigned: _, ...rest } = pdu
  return rest
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Follows the log, and tells every server that shares a room with somebody here. */
export async function openOutbound(deps: OutboundDeps): Promise<Outbound> {
  const { wires, serverName, database, log, rooms, devices, users, roomServers, onError } = deps
  const { reach, partners } = wires
  const mailIds = await openSequence(database, 'destination_mail')
  const [debtors, addressees] = [
    new Set(await readDebtors(database.read)),
    new Set(await readAddressees(database.read)),
  ]
  const destinations = new Map<string, Destination>()
  const [working, trying] = [createPool(mostAtOnce), createPool(mostTries)]

  const pdus = async (nids: readonly number[]): Promise<JsonObject[]> => (await rooms.events.many(nids)).map(pduOf)

  /** The newest event of each room that was made here; rooms that it is in no longer are left out. */
  const newest = async (server: string, wanted: readonly number[]): Promise<Parcel[]> => {
    const parcels: Parcel[] = []
    for (const nid of wanted) {
      const room = await rooms.byNid(nid)
      if (!room || !(await roomServers.has(nid, server))) continue
      const span = { room: nid, above: 0, upTo: log.now, limit: 100, dir: 'b' as const }
      const own = (await rooms.timeline(span)).find(({ event }) => isLocalUser(event.sender, serverName))
      if (own) parcels.push({ nid: own.nid, room: nid, position: own.position })
    }
    return parcels
  }

  const find = (server: string): Destination | undefined => {
    const known = destinations.get(server)
    if (known) return known
    if (server === serverName || !partners.mayTalkTo(server)) return undefined
    const made = openDestination(
      {
        ...deps,
        client: wires.client,
        reach,
        pdus,
        newest: (wanted) => newest(server, wanted),
        deviceEdus: async (user) => deviceEdus(devices, user, await users.nameOf(user), log.now),
        mailEdus: mailEdu,
        pool: (name, work) => (reach.of(name).failures > 0 ? trying : working)(work),
        count: deps.count ?? (() => {}),
      },
      server,
      debtors.has(server),
      addressees.has(server),
    )
    destinations.set(server, made)
    // Administrators are shown whoever is told something, and not only who does not answer.
    database.write((tx) => addDestination(tx, server)).catch(onError)
    return made
  }

  const news = openNews(deps, find)
  const stopped = new AbortController()
  const begin = await readMark(database.read)
  let cursor = begin ?? log.now
  let saved = begin ?? -1
  let running: Promise<void> | undefined
  let saving: NodeJS.Timeout | undefined

  /** Up to where everybody has everything, or is written down as owed it. */
  const mark = (): number => {
    let lowest = cursor
    for (const { oldest } of destinations.values()) if (oldest !== undefined && oldest <= lowest) lowest = oldest - 1
    return lowest
  }
  const save = async (): Promise<void> => {
    const position = mark()
    if (position === saved) return
    await database.write((tx) => saveMark(tx, position))
    saved = position
  }
  const saveSoon = (): void => {
    saving ??= setTimeout(() => {
      saving = undefined
      save().catch(onError)
    }, saveEveryMs).unref()
  }

  const step = async (): Promise<void> => {
    const until = Math.min(log.now, cursor + window)
    const isTail = log.tail.covers(cursor)
    // What happened while the server was not there: events are read from the tables, and what is ephemeral is gone.
    const entries = isTail
      ? log.tail.all(cursor, until)
      : (await rooms.everywhere(cursor, until)).map((data) => ({
          kind: 'event' as const,
          room: data.room,
          position: data.position,
          data,
        }))
    if (!isTail) for (const user of await devices.listChanges(cursor, until)) await news.devices(user)
    for (const entry of entries) {
      const answer = news.take(entry)
      if (answer) await answer
    }
    cursor = until
    if (destinations.size > 0) saveSoon()
  }

  const run = async (): Promise<void> => {
    await turn()
    while (!stopped.signal.aborted && cursor < log.now) {
      await step()
      await turn()
    }
  }
  const wake = (): void => {
    if (stopped.signal.aborted) return
    running ??= run()
      .catch(onError)
      .finally(() => {
        running = undefined
        if (cursor < log.now) wake()
      })
  }

  log.listen((entry) => {
    roomServers.hear(entry)
    wake()
  })
  reach.onReturn((server) => destinations.get(server)?.retry())
  for (const server of new Set([...debtors, ...addressees])) find(server)?.retry()
  wake()

  return {
    destinations,
    forward: async (stored, but) => {
      for (const server of (await roomServers.of(stored.room)).keys())
        if (server !== but) find(server)?.event({ nid: stored.nid, room: stored.room, position: stored.position })
    },
    leave: async (tx, server, content) => {
      const nid = mailIds.next()
      await addMail(tx, server, { nid, json: canonicalJson(content) })
      if (nid % 256 === 0) await trimMail(tx, server, mostMailWaiting)
    },
    sent: (servers) => {
      for (const server of servers) find(server)?.look()
    },
    retry: (server) => find(server)?.retry(),
    idle: async () => {
      while (cursor < log.now) {
        wake()
        await running
      }
    },
    [Symbol.asyncDispose]: async () => {
      stopped.abort()
      clearTimeout(saving)
      await running
      await Promise.all([...destinations.values()].map((destination) => destination.stop()))
      await save()
    },
  }
}
