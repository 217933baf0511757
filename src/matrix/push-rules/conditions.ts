import { compileGlob } from '../glob.ts'
import { type Json, type JsonObject, own } from '../json.ts'
import type { PowerLevels } from '../power-levels.ts'
import { parsePath } from '../property-path.ts'
import { bodyGlob, bodyHas } from './body-match.ts'
import { type EventView, foldedText, type PropertyPath, property } from './event-view.ts'

/** What conditions may ask about the user and the room, besides the event. */
export interface PushContext {
  /** Whose rules are asked. */
  readonly userId: string
  /** Their display name in the room. */
  readonly displayName?: string | undefined
  /** Joined members of the room. */
  readonly memberCount: number
  /** The sender's power level; Infinity for a creator of a v12 room. */
  readonly senderPower: number
  /** `notifications` of the room's power levels. */
  readonly notificationLevels: PowerLevels['notifications']
}

/** Whether a condition holds for this event and user. */
export type Test = (view: EventView, context: PushContext) => boolean

/** Stands for "the user whose rules these are" where a rule names a user id, so that all users can share compiled rules. No id is it. */
export const ownUser = '\0own user'

/** Level that an `@room` style notification takes when the room does not say. */
const defaultNotificationLevel = 50

/**
 * Compiles a condition. One that is unknown or malformed is undefined: its rule must never match.
 * @param reach - characters of a text that a pattern sees
 * @see https://spec.matrix.org/v1.19/client-server-api/#conditions-1
 */
export function compileCondition(condition: JsonObject, reach: number): Test | undefined {
  const key = own(condition, 'key')
  switch (own(condition, 'kind')) {
    case 'event_match': {
      const pattern = own(condition, 'pattern')
      return typeof key === 'string' && typeof pattern === 'string' ? matches(pathOf(key), pattern, reach) : undefined
    }
    case 'event_property_is': {
      const value = own(condition, 'value')
      return typeof key === 'string' && isScalar(value) ? is(pathOf(key), value) : undefined
    }
    case 'event_property_contains': {
      const value = own(condition, 'value')
      return typeof key === 'string' && isScalar(value) ? contains(pathOf(key), value) : undefined
    }
    case 'contains_display_name':
      return containsDisplayName
    case 'room_member_count':
      return memberCount(own(condition, 'is'))
    case 'sender_notification_permission':
      return typeof key === 'string' ? mayNotify(key) : undefined
    default:
      return undefined
  }
}

/** The test of a content rule: its pattern stands in the message's text as whole words. */
export const bodyMatches = (pattern: string, reach: number): Test => bodyGlob(pattern.toLowerCase(), reach)

/** The pattern that a condition looks for in a text, with letter case folded, if it does. */
export function patternOf(condition: JsonObject): string | undefined {
  const pattern = own(condition, 'pattern')
  return own(condition, 'kind') === 'event_match' && typeof pattern === 'string' ? pattern.toLowerCase() : undefined
}

/** The event type that a condition demands, case folded, if it demands a single one. */
export function typeDemanded(condition: JsonObject): string | undefined {
  const pattern = own(condition, 'pattern')
  if (own(condition, 'kind') !== 'event_match' || own(condition, 'key') !== 'type' || typeof pattern !== 'string')
    return undefined
  return isGlob(pattern) ? undefined : pattern.toLowerCase()
}

/** What `is` of a room_member_count condition says; undefined when it says nothing valid. */
export function parseMemberCount(text: unknown): { operator: string; count: number } | undefined {
  const parts = typeof text === 'string' ? /^(==|<=|>=|<|>)?(\d{1,15})$/.exec(text) : null
  return parts ? { operator: parts[1] ?? '==', count: Number(parts[2]) } : undefined
}

/** Whether a condition may compare with the value: a text, an integer, a boolean or null. */
export const isScalar = (value: Json | undefined): value is string | number | boolean | null =>
  value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value)

function pathOf(key: string): PropertyPath {
  return { key, names: parsePath(key) }
}

const isGlob = (pattern: string): boolean => pattern.includes('*') || pattern.includes('?')

function matches(path: PropertyPath, pattern: string, reach: number): Test {
  if (path.key === 'content.body') return bodyMatches(pattern, reach)
  if (pattern === ownUser) return (view, context) => property(view, path) === context.userId
  const folded = pattern.toLowerCase()
  if (!isGlob(pattern)) {
    return (view) => {
      const value = property(view, path)
      return value === pattern || (typeof value === 'string' && foldedText(view, path) === folded)
    }
  }
  const glob = compileGlob(folded)
  return (view) => {
    const text = foldedText(view, path)
    return text !== undefined && text.length <= reach && glob(text)
  }
}

const is =
  (path: PropertyPath, value: Json): Test =>
  (view) =>
    property(view, path) === value

const contains =
  (path: PropertyPath, value: Json): Test =>
  (view, context) => {
    const list = property(view, path)
    return Array.isArray(list) && list.includes(value === ownUser ? context.userId : value)
  }

const containsDisplayName: Test = (view, { displayName }) =>
  Boolean(displayName) && bodyHas((displayName ?? '').toLowerCase())(view)

function memberCount(text: Json | undefined): Test | undefined {
  const parsed = parseMemberCount(text)
  if (!parsed) return undefined
  const { operator, count } = parsed
  switch (operator) {
    case '<':
      return (_, context) => context.memberCount < count
    case '>':
      return (_, context) => context.memberCount > count
    case '<=':
      return (_, context) => context.memberCount <= count
    case '>=':
      return (_, context) => context.memberCount >= count
    default:
      return (_, context) => context.memberCount === count
  }
}

const mayNotify =
  (key: string): Test =>
  (_, { senderPower, notificationLevels }) =>
    senderPower >= (notificationLevels.get(key) ?? defaultNotificationLevel)
