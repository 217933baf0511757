/**
 * Values that are copied out of state into lists and summaries. Anyone with the power to set state can put anything there, so each
 * is given out only when it has the type that the place where it is shown promises; otherwise it counts as not set.
 */
import { isRoomAlias, isRoomId, parseMxc } from './ids.ts'
import { type JsonObject, own } from './json.ts'

type Content = JsonObject | undefined

/** A property that is a text and not empty: a name, an algorithm, a join rule. */
export function textIn(content: Content, key: string): string | undefined {
  const value = own(content, key)
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A property that is an `mxc://` address: the avatar of a room (`url`) or a user (`avatar_url`). */
export function mxcIn(content: Content, key: string): string | undefined {
  const value = textIn(content, key)
  return parseMxc(value) ? value : undefined
}

/** The main alias of a room, from `m.room.canonical_alias`. */
export function canonicalAlias(content: Content): string | undefined {
  const value = own(content, 'alias')
  return isRoomAlias(value) ? value : undefined
}

/**
 * The plain text of `m.room.topic`: of its first plain representation if it has any, else of `topic`.
 * @see https://spec.matrix.org/v1.19/client-server-api/#mroomtopic
 */
export function plainTopic(content: Content): string | undefined {
  const forms = own(own(content, 'm.topic'), 'm.text')
  const plain = Array.isArray(forms)
    ? forms.find((form) => (own(form, 'mimetype') ?? 'text/plain') === 'text/plain')
    : undefined
  const body = own(plain, 'body')
  return typeof body === 'string' && body !== '' ? body : textIn(content, 'topic')
}

/** The rooms whose members may join a restricted room, from `m.room.join_rules`; empty for other join rules. */
export function allowedRooms(content: Content): string[] {
  const rule = own(content, 'join_rule')
  const allow = own(content, 'allow')
  if ((rule !== 'restricted' && rule !== 'knock_restricted') || !Array.isArray(allow)) return []
  const rooms = allow.flatMap((condition) => {
    const room = own(condition, 'room_id')
    return own(condition, 'type') === 'm.room_membership' && isRoomId(room) ? [room] : []
  })
  return [...new Set(rooms)]
}
