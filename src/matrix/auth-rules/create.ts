import { isUserId, serverOf } from '../ids.ts'
import { own } from '../json.ts'
import type { RoomEvent } from '../event.ts'
import type { RoomVersion } from '../room-version.ts'
import { allowed, type AuthResult, denied } from './result.ts'
import type { StateLookup } from './room-view.ts'

/**
 * Rule 1: the event that makes the room. Beyond the letter of the rule, a room that has one takes no second (what
 * happens then was never defined), and the version named must be the one whose rules are applied.
 */
export const authorizeCreate = (event: RoomEvent, version: RoomVersion, state: StateLookup): AuthResult => {
  if (event.prevEvents.length > 0)
    return denied('create.prev-events', 'The event that creates a room must be its first.')
  if (event.stateKey !== '')
    return denied('create.state-key', 'The event that creates a room must have an empty state_key.')
  const existing = state('m.room.create', '')
  if (existing && existing.id !== event.id) return denied('create.second', 'This room has been created already.')

  if (version.createIsRoomId) {
    if (event.pdu.room_id !== undefined) {
      return denied(
        'create.room-id',
        `A room of version ${version.id} gets its id from this event, which must not have a room_id.`,
      )
    }
  } else if (serverOf(event.roomId) !== serverOf(event.sender)) {
    return denied(
      'create.room-id',
      `A room id of ${serverOf(event.roomId)} can only be given by a user of that server.`,
    )
  }

  const named = own(event.content, 'room_version') ?? '1'
  if (named !== version.id)
    return denied('create.version', `The room version ${JSON.stringify(named)} is not known or not this room's.`)

  if (version.creatorInContent && own(event.content, 'creator') === undefined) {
    return denied('create.creator', 'The event that creates a room must name its creator.')
  }
  const additional = version.privilegedCreators ? own(event.content, 'additional_creators') : undefined
  if (additional !== undefined && !(Array.isArray(additional) && additional.every((user) => isUserId(user)))) {
    return denied('create.additional-creators', 'The additional_creators must be a list of user ids.')
  }
  return allowed
}
