import type { RoomEvent } from '../event.ts'
import { isUserId } from '../ids.ts'
import { isObject, own } from '../json.ts'
import {
  creatorsOf,
  levelMaps,
  parseLevel,
  type PowerLevels,
  powerLevelOf,
  powerLevelsFrom,
  singleLevels,
} from '../power-levels.ts'
import type { RoomVersion } from '../room-version.ts'
import { allowed, type AuthResult, denied } from './result.ts'
import { levelText, type RoomView } from './room-view.ts'

/**
 * The shape of a power levels event. The letter of v1–9 asks only that `users` be well-formed; but what the later rules
 * compare must be levels there too, or servers would read it differently.
 */
const checkShape = (event: RoomEvent, version: RoomVersion): AuthResult => {
  const format = version.powerLevelFormat
  const wanted = format === 'integer' ? 'an integer' : 'an integer or a string that is one'
  for (const key of singleLevels) {
    const value = own(event.content, key)
    if (value !== undefined && parseLevel(value, format) === undefined) {
      return denied('power-levels.malformed', `The level ${key} must be ${wanted}.`)
    }
  }
  for (const map of levelMaps) {
    const value = own(event.content, map)
    if (value === undefined || (map === 'notifications' && !version.notificationLevelsAuthRule)) continue
    if (!isObject(value)) return denied('power-levels.malformed', `In power levels, ${map} must be an object.`)
    for (const [key, level] of Object.entries(value)) {
      if (map === 'users' && !isUserId(key))
        return denied('power-levels.user-id', `${JSON.stringify(key)} is not a user id.`)
      if (parseLevel(level, format) === undefined) {
        return denied('power-levels.malformed', `The level of ${JSON.stringify(key)} in ${map} must be ${wanted}.`)
      }
    }
  }
  return allowed
}

const checkCreators = (event: RoomEvent, create: RoomEvent, version: RoomVersion): AuthResult => {
  const users = own(event.content, 'users')
  for (const creator of creatorsOf(create, version)) {
    if (own(users, creator) !== undefined) {
      return denied(
        'power-levels.creator',
        `${creator} created this room: their power is unlimited and must not be set.`,
      )
    }
  }
  return allowed
}

/** Nobody touches a level above their own, nor sets one above their own. */
const checkSingle = (event: RoomEvent, current: RoomEvent, version: RoomVersion, power: number): AuthResult => {
  for (const key of singleLevels) {
    const before = parseLevel(own(current.content, key), version.powerLevelFormat)
    const after = parseLevel(own(event.content, key), version.powerLevelFormat)
    if (before === after) continue
    if ((before ?? -Infinity) > power || (after ?? -Infinity) > power) {
      return denied(
        'power-levels.single',
        `You cannot change ${key} from ${before ?? 'its default'} to ${after ?? 'its default'}; your power level is ${power}.`,
      )
    }
  }
  return allowed
}

/** Entries that are added, changed or removed: key, level before, level after. */
function* changes(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>) {
  for (const [key, level] of before) {
    const now = after.get(key)
    if (now !== level) yield [key, level, now] as const
  }
  for (const [key, level] of after) if (!before.has(key)) yield [key, undefined, level] as const
}

const checkEntries = (
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
  power: number,
): AuthResult => {
  for (const [key, was, becomes] of changes(before, after)) {
    if ((was ?? -Infinity) > power || (becomes ?? -Infinity) > power) {
      return denied(
        'power-levels.entry',
        `You cannot change the level for ${key} from ${was ?? 'the default'} to ${becomes ?? 'the default'}; your power level is ${power}.`,
      )
    }
  }
  return allowed
}

const checkUsers = (before: PowerLevels, after: PowerLevels, sender: string, power: number): AuthResult => {
  for (const [user, was, becomes] of changes(before.users, after.users)) {
    if (was !== undefined && was >= power && user !== sender) {
      return denied(
        'power-levels.user',
        `You cannot change the power level of ${user}, which is ${was} and not below yours, ${power}.`,
      )
    }
    if ((becomes ?? -Infinity) > power) {
      return denied(
        'power-levels.user',
        `You cannot give ${user} power level ${becomes}; yours is ${levelText(power)}.`,
      )
    }
  }
  return allowed
}

/** The rules for `m.room.power_levels`, once its sender is known to be a member who may send it. */
export const authorizePowerLevels = ({ event, version, state, create }: RoomView): AuthResult => {
  const shape = checkShape(event, version)
  if (!shape.allowed) return shape
  if (version.privilegedCreators) {
    const creators = checkCreators(event, create, version)
    if (!creators.allowed) return creators
  }
  const current = state('m.room.power_levels', '')
  if (!current) return allowed

  const before = powerLevelsFrom(current, create, version)
  const after = powerLevelsFrom(event, create, version)
  const power = powerLevelOf(before, event.sender)
  const single = checkSingle(event, current, version, power)
  if (!single.allowed) return single
  const events = checkEntries(before.events, after.events, power)
  if (!events.allowed) return events
  if (version.notificationLevelsAuthRule) {
    const notifications = checkEntries(before.notifications, after.notifications, power)
    if (!notifications.allowed) return notifications
  }
  return checkUsers(before, after, event.sender, power)
}
