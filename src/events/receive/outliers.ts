import { authorize, checkAuthEvents, stateFromAuthEvents } from '../../matrix/auth-rules/index.ts'
import type { RoomEvent } from '../../matrix/event.ts'
import type { Room } from '../room.ts'
import { standings, type Held, type StoredEvent } from '../stored-event.ts'
import { mustRest, rest } from '../../storage/index.ts'
import { insertEvent } from '../store/events.ts'
import type { ReceiveDeps } from './deps.ts'
import type { Incoming } from './pdu.ts'

/** Rows that one change of the database holds. */
const atOnce = 200

/**
 * Stores events without their place in the room: what others rest on, and what makes a state. Each is judged by what it rests on itself;
 * one whose own foundations are not here is left out. Those that are here already stay as they are.
 */
export async function storeOutliers(
  deps: ReceiveDeps,
  room: Pick<Room, 'nid' | 'id' | 'version'>,
  events: readonly Incoming[],
): Promise<void> {
  const create = room.version.createIsRoomId ? [`$${room.id.slice(1)}`] : []
  const known = await deps.events.byIds([...create, ...events.flatMap(({ event }) => [event.id, ...event.authEvents])])
  const fresh = new Map<string, Held>()
  const jsons = new Map<string, string>()
  const get = (id: string): StoredEvent | undefined => fresh.get(id) ?? known.get(id)
  for (const { event, json } of inAuthOrder(events)) {
    if (mustRest()) await rest()
    if (known.has(event.id) || fresh.has(event.id)) continue
    const lookup = (id: string) => get(id)?.event
    const isRejected = (id: string): boolean => get(id)?.standing === standings.rejected
    let verdict = checkAuthEvents(event, room.version, lookup, isRejected)
    if (!verdict.allowed && verdict.rule === 'auth-events.missing') continue
    if (verdict.allowed)
      verdict = authorize(event, room.version, stateFromAuthEvents(event, room.version, lookup, isRejected))
    jsons.set(event.id, json)
    fresh.set(event.id, {
      nid: deps.eventIds.next(),
      room: room.nid,
      sender: 0,
      event,
      position: 0,
      size: json.length,
      stateBefore: null,
      standing: verdict.allowed ? standings.accepted : standings.rejected,
      device: null,
      txnId: null,
      replaces: null,
      redactedBy: null,
      threadRoot: null,
    })
  }
  const list = [...fresh.values()]
  for (let start = 0; start < list.length; start += atOnce) {
    const part = list.slice(start, start + atOnce)
    await Promise.all(
      part.map(async (stored) => {
        stored.sender = await deps.users.intern(stored.event.sender)
      }),
    )
    await deps.database.write(async (tx) => {
      for (const stored of part) await insertEvent(tx, stored, jsons.get(stored.event.id) ?? '')
    })
    for (const stored of part) deps.events.put(stored)
  }
}

/** The create event first, and each after those that it rests on. */
export const inAuthOrder = (events: readonly Incoming[]): Incoming[] => inOrder(events, (event) => event.authEvents)

/** The create event first, and each after those that it cites. What goes in a circle, which ids that are no hashes allow, comes as it stands. */
export function inOrder(events: readonly Incoming[], cites: (event: RoomEvent) => readonly string[]): Incoming[] {
  const byId = new Map(events.map((incoming) => [incoming.event.id, incoming]))
  const ordered: Incoming[] = []
  const entered = new Set<string>()
  const isCreate = ({ event }: Incoming): boolean => event.type === 'm.room.create'
  for (const first of [...events.filter(isCreate), ...events]) {
    const open: Array<{ incoming: Incoming; next: number }> = []
    const enter = (incoming: Incoming | undefined): void => {
      if (!incoming || entered.has(incoming.event.id)) return
      entered.add(incoming.event.id)
      open.push({ incoming, next: 0 })
    }
    enter(first)
    for (let top = open.at(-1); top; top = open.at(-1)) {
      const cited = cites(top.incoming.event)[top.next]
      top.next += 1
      if (cited !== undefined) enter(byId.get(cited))
      else ordered.push((open.pop() ?? top).incoming)
    }
  }
  return ordered
}
