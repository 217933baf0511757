import type { RoomEvent } from './event.ts'
import { isUserId } from './ids.ts'
import { isObject, type Json, type JsonObject, own } from './json.ts'

/** A state event as someone sees it who is not in the room. */
export type StrippedEvent = {
  type: string
  state_key: string
  sender: string
  content: JsonObject
}

/**
 * The state that tells an invited or knocking user what room it is; all have an empty state key. The create event is required.
 * @see https://spec.matrix.org/v1.19/client-server-api/#stripped-state
 */
export const strippedTypes = [
  'm.room.create',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
  'm.room.join_rules',
  'm.room.canonical_alias',
  'm.room.encryption',
] as const

const shown: ReadonlySet<string> = new Set(strippedTypes)

/** Most that is kept of what another server sends as stripped state: events, and characters of one event's content as JSON. */
export const strippedLimits = { events: 100, content: 65_536, total: 262_144 } as const

/** A state event without all that stripped state leaves out. */
export const strip = (
  event: Pick<RoomEvent, 'type' | 'sender' | 'content'> & { readonly stateKey: string },
): StrippedEvent => ({ type: event.type, state_key: event.stateKey, sender: event.sender, content: event.content })

/**
 * The stripped state of a room.
 * @param state - finds the room's state event of a type with an empty state key
 * @param member - a member event that belongs to it: of the one who invites, of the one who is invited or knocks
 */
export function strippedState(
  state: (type: string) => RoomEvent | undefined,
  ...member: readonly RoomEvent[]
): StrippedEvent[] {
  return [...strippedTypes.map(state), ...member].flatMap((event) =>
    event?.stateKey === undefined ? [] : [strip({ ...event, stateKey: event.stateKey })],
  )
}

/**
 * Reads stripped state that another server sent, as stripped events or as whole ones. It is unsigned and may be anything, so only
 * well-formed events of the known types and member events are kept, of each kind the first, and of these only the four properties.
 */
export function readStripped(json: Json | undefined): StrippedEvent[] {
  const kept = new Map<string, StrippedEvent>()
  let room: number = strippedLimits.total
  for (const item of Array.isArray(json) ? json : []) {
    const event = readOne(item)
    const key = event && `${event.type}\0${event.state_key}`
    if (!event || key === undefined || kept.has(key) || kept.size >= strippedLimits.events) continue
    const size = JSON.stringify(event.content).length
    if (size > Math.min(strippedLimits.content, room)) continue
    room -= size
    kept.set(key, event)
  }
  return [...kept.values()]
}

function readOne(item: Json): StrippedEvent | undefined {
  const type = own(item, 'type')
  const stateKey = own(item, 'state_key')
  const sender = own(item, 'sender')
  const content = own(item, 'content')
  if (typeof type !== 'string' || typeof stateKey !== 'string' || !isUserId(sender) || !isObject(content))
    return undefined
  const known = type === 'm.room.member' ? isUserId(stateKey) : shown.has(type) && stateKey === ''
  return known ? { type, state_key: stateKey, sender, content } : undefined
}
