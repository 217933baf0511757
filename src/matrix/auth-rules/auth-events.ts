import type { RoomEvent } from '../event.ts'
import type { RoomVersion } from '../room-version.ts'
import { authTypesFor } from './auth-types.ts'
import { allowed, type AuthResult, denied } from './result.ts'
import type { StateLookup } from './room-view.ts'

/** Finds an event by id; undefined when this server does not have it. */
export type EventLookup = (id: string) => RoomEvent | undefined

const placeOf = (type: string, stateKey: string) => `${type}\u0000${stateKey}`

/**
 * Checks the list of `auth_events` that an event cites, apart from what those events say: nothing missing, double, rejected,
 * of another room, or beside the point. {@link authorize} is the other half.
 *
 * @param isRejected whether the event with this id was rejected when it came.
 */
export const checkAuthEvents = (
  event: RoomEvent,
  version: RoomVersion,
  get: EventLookup,
  isRejected: (id: string) => boolean,
): AuthResult => {
  const expected = new Set(authTypesFor(event, version).map(([type, stateKey]) => placeOf(type, stateKey)))
  const seen = new Set<string>()
  for (const id of event.authEvents) {
    const cited = get(id)
    if (!cited)
      return denied('auth-events.missing', `This server does not have the event ${id}, which this event rests on.`)
    const place = cited.stateKey === undefined ? undefined : placeOf(cited.type, cited.stateKey)
    if (place === undefined || !expected.has(place)) {
      return denied(
        'auth-events.unexpected',
        `An event of type ${event.type} must not rest on ${id} of type ${cited.type}.`,
      )
    }
    if (seen.has(place))
      return denied('auth-events.duplicate', `This event rests on two events of type ${cited.type} for one key.`)
    seen.add(place)
    if (isRejected(id)) return denied('auth-events.rejected', `This event rests on ${id}, which was rejected.`)
    if (cited.roomId !== event.roomId)
      return denied('auth-events.other-room', `This event rests on ${id}, which is of another room.`)
  }
  if (event.type !== 'm.room.create' && !version.noCreateInAuthEvents && !seen.has(placeOf('m.room.create', ''))) {
    return denied('auth-events.no-create', 'This event does not rest on the event that created the room.')
  }
  return allowed
}

/** The create event that the id of the event's room names, where rooms are named like that (v12 and later). */
export const createNamedBy = (event: RoomEvent, get: EventLookup): RoomEvent | undefined => {
  const named = get(`$${event.roomId.slice(1)}`)
  return named?.type === 'm.room.create' && named.stateKey === '' ? named : undefined
}

/**
 * The state that an event claims for itself by citing its `auth_events`, for {@link authorize}. Cited events that are
 * unknown or rejected do not count. From v12 on the create event is not cited but named by the room id.
 */
export const stateFromAuthEvents =
  (event: RoomEvent, version: RoomVersion, get: EventLookup, isRejected: (id: string) => boolean): StateLookup =>
  (type, stateKey) => {
    if (version.createIsRoomId && type === 'm.room.create' && stateKey === '') {
      const create = createNamedBy(event, get)
      return create && !isRejected(create.id) ? create : undefined
    }
    for (const id of event.authEvents) {
      const cited = get(id)
      if (cited?.type === type && cited.stateKey === stateKey && cited.roomId === event.roomId && !isRejected(id))
        return cited
    }
    return undefined
  }
