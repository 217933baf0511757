import type { RoomEvent } from '../event.ts'
import { own } from '../json.ts'
import { type PowerLevels, powerLevelsFrom } from '../power-levels.ts'
import type { RoomVersion } from '../room-version.ts'

/** The event that holds this place in the state to check against; undefined when there is none. */
export type StateLookup = (type: string, stateKey: string) => RoomEvent | undefined

/** What the rules look at: the event to be judged and the room as it is before it. */
export interface RoomView {
  readonly event: RoomEvent
  readonly version: RoomVersion
  readonly state: StateLookup
  readonly create: RoomEvent
}

/** What a membership event says; undefined when there is none or it does not say it in a string. */
export const membershipIn = (event: RoomEvent | undefined): string | undefined => {
  const membership = event?.content['membership']
  return typeof membership === 'string' ? membership : undefined
}

/** The user's membership in the room; `leave` for someone who never was in it. */
export const membershipOf = (room: RoomView, userId: string): string =>
  membershipIn(room.state('m.room.member', userId)) ?? 'leave'

/** The room's join rule; `invite` when it has none. */
export const joinRuleOf = (room: RoomView): string => {
  const rule = own(room.state('m.room.join_rules', '')?.content, 'join_rule')
  return typeof rule === 'string' ? rule : 'invite'
}

/** The room's power levels, before the event. */
export const levelsOf = (room: RoomView): PowerLevels =>
  powerLevelsFrom(room.state('m.room.power_levels', ''), room.create, room.version)

/** A level as people read it. */
export const levelText = (level: number): string => (level === Infinity ? 'unlimited' : String(level))
