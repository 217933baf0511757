import type { Pdu } from './pdu.ts'
import { isObject, own, type JsonObject } from './json.ts'
import type { RedactionRules, RoomVersion } from './room-version.ts'

/** In canonical order, so that a redacted event is canonical as it stands. */
const keptKeys = [
  'auth_events',
  'content',
  'depth',
  'event_id',
  'hashes',
  'origin_server_ts',
  'prev_events',
  'room_id',
  'sender',
  'signatures',
  'state_key',
  'type',
]
const keptLegacyKeys = [...keptKeys, 'membership', 'origin', 'prev_state'].sort()
const levelKeys = ['ban', 'events', 'events_default', 'kick', 'redact', 'state_default', 'users', 'users_default']
const levelKeysWithInvite = [...levelKeys, 'invite'].sort()

/**
 * The event as it is left by a redaction, which is also what is signed and what the reference hash covers. `unsigned` goes too.
 * Shares its values with the original.
 * @see https://spec.matrix.org/v1.19/client-server-api/#redactions
 */
export function redact(pdu: Pdu, version: RoomVersion): Pdu {
  const kept = pick(pdu, version.redaction.keepsLegacyTopLevel ? keptLegacyKeys : keptKeys)
  if (isObject(pdu.content)) kept['content'] = redactContent(pdu.type, pdu.content, version.redaction)
  return kept as Pdu // every key of the type that is required was copied if it was there
}

/** What a redaction leaves of the content of an event of this type. */
export function redactContent(type: string, content: JsonObject, rules: RedactionRules): JsonObject {
  switch (type) {
    case 'm.room.member':
      return redactMember(content, rules)
    case 'm.room.create':
      return rules.keepsCreateContent ? content : pick(content, ['creator'])
    case 'm.room.join_rules':
      return pick(content, rules.keepsJoinRuleAllow ? ['allow', 'join_rule'] : ['join_rule'])
    case 'm.room.power_levels':
      return pick(content, rules.keepsInviteLevel ? levelKeysWithInvite : levelKeys)
    case 'm.room.history_visibility':
      return pick(content, ['history_visibility'])
    case 'm.room.aliases':
      return rules.keepsAliases ? pick(content, ['aliases']) : {}
    case 'm.room.redaction':
      return rules.keepsRedacts ? pick(content, ['redacts']) : {}
    default:
      return {}
  }
}

function redactMember(content: JsonObject, rules: RedactionRules): JsonObject {
  const kept = pick(
    content,
    rules.keepsAuthorisedVia ? ['join_authorised_via_users_server', 'membership'] : ['membership'],
  )
  const signed = own(own(content, 'third_party_invite'), 'signed')
  if (rules.keepsThirdPartySigned && signed !== undefined) kept['third_party_invite'] = { signed }
  return kept
}

/** Copies the listed keys that are there. The lists are our own, so no hostile key is ever assigned. */
function pick(object: JsonObject, keys: readonly string[]): JsonObject {
  const kept: JsonObject = {}
  for (const key of keys) {
    const value = own(object, key)
    if (value !== undefined) kept[key] = value
  }
  return kept
}
