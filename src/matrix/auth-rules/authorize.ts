import type { RoomEvent } from '../event.ts'
import { serverOf } from '../ids.ts'
import { levelFor, type PowerLevels, powerLevelOf } from '../power-levels.ts'
import type { RoomVersion } from '../room-version.ts'
import { authorizeCreate } from './create.ts'
import { authorizeMember } from './member.ts'
import { authorizePowerLevels } from './power-levels.ts'
import { allowed, type AuthResult, denied } from './result.ts'
import { levelsOf, levelText, membershipOf, type RoomView, type StateLookup } from './room-view.ts'

/** Aliases had their own rule in v1–5: a server speaks for itself, and its users need not even be in the room. */
const authorizeAliases = (event: RoomEvent): AuthResult => {
  if (event.stateKey === undefined)
    return denied('aliases.state-key', 'An aliases event needs the name of a server as state_key.')
  if (event.stateKey === serverOf(event.sender)) return allowed
  return denied(
    'aliases.domain',
    `You cannot set the aliases of ${event.stateKey}, since you are a user of another server.`,
  )
}

/** Redactions in v1 and v2: by those who may redact, or by the server from which the redacted event came. */
const authorizeRedaction = (event: RoomEvent, levels: PowerLevels, power: number): AuthResult => {
  if (power >= levels.redact) return allowed
  if (event.redacts !== undefined && serverOf(event.redacts) === serverOf(event.id)) return allowed
  return denied(
    'redaction.level',
    `You need power level ${levels.redact} to redact an event from another server; yours is ${levelText(power)}.`,
  )
}

const doesBelongTo = (create: RoomEvent, event: RoomEvent, version: RoomVersion) =>
  version.createIsRoomId ? event.roomId.slice(1) === create.id.slice(1) : event.roomId === create.roomId

/**
 * Judges an event by the authorisation rules of its room version against one state: that of its `auth_events`
 * (see stateFromAuthEvents), that before it, or the current one. What these rules do not cover: its list of
 * `auth_events` (see checkAuthEvents), its signatures, size and format.
 *
 * Only places named by authTypesFor are looked up in `state`, and the create event. A message costs about a microsecond.
 * @see https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules
 */
export const authorize = (event: RoomEvent, version: RoomVersion, state: StateLookup): AuthResult => {
  if (event.type === 'm.room.create') return authorizeCreate(event, version, state)
  const create = state('m.room.create', '')
  if (!create || !doesBelongTo(create, event, version)) return denied('room.unknown', 'There is no such room.')
  if (create.content['m.federate'] === false && serverOf(event.sender) !== serverOf(create.sender)) {
    return denied('room.not-federated', `Only users of ${serverOf(create.sender)} may take part in this room.`)
  }
  if (version.aliasesAuthRule && event.type === 'm.room.aliases') return authorizeAliases(event)
  const room: RoomView = { event, version, state, create }
  if (event.type === 'm.room.member') return authorizeMember(room)

  if (membershipOf(room, event.sender) !== 'join') return denied('sender.not-joined', 'You are not in this room.')
  const levels = levelsOf(room)
  const power = powerLevelOf(levels, event.sender)
  if (event.type === 'm.room.third_party_invite') {
    if (power >= levels.invite) return allowed
    return denied(
      'third-party-invite.level',
      `You need power level ${levels.invite} to invite; yours is ${levelText(power)}.`,
    )
  }
  const needed = levelFor(levels, event.type, event.stateKey !== undefined)
  if (needed > power) {
    return denied('event.level', `You need power level ${needed} to send ${event.type}; yours is ${levelText(power)}.`)
  }
  if (event.stateKey?.startsWith('@') && event.stateKey !== event.sender) {
    return denied('state-key.other-user', 'A state_key that is a user id can only be used by that user.')
  }
  if (event.type === 'm.room.power_levels') return authorizePowerLevels(room)
  if (version.redactionsInAuthRules && event.type === 'm.room.redaction')
    return authorizeRedaction(event, levels, power)
  return allowed
}
