import type { Json, JsonObject } from '../json.ts'
import type { PushRule, Ruleset } from './rules.ts'

/** The rule that switches everything off. Alone among the defaults it stands before the user's own rules. */
export const masterRule = '.m.rule.master'

/**
 * The rules that every user has, with `userId` written into those that ask for the user.
 * Since v1.17 no default rule looks for mentions in the text of a message; intentional mentions have taken their place.
 * @see https://spec.matrix.org/v1.19/client-server-api/#predefined-rules
 */
export const defaultRules = (userId: string): Ruleset => ({
  override: [
    { ...rule(masterRule, [], []), enabled: false },
    rule('.m.rule.suppress_notices', [match('content.msgtype', 'm.notice')], []),
    rule(
      '.m.rule.invite_for_me',
      [match('type', 'm.room.member'), match('content.membership', 'invite'), match('state_key', userId)],
      ['notify', sound('default')],
    ),
    rule('.m.rule.member_event', [match('type', 'm.room.member')], []),
    rule(
      '.m.rule.is_user_mention',
      [{ kind: 'event_property_contains', key: 'content.m\\.mentions.user_ids', value: userId }],
      ['notify', sound('default'), highlight()],
    ),
    rule(
      '.m.rule.is_room_mention',
      [
        { kind: 'event_property_is', key: 'content.m\\.mentions.room', value: true },
        { kind: 'sender_notification_permission', key: 'room' },
      ],
      ['notify', highlight()],
    ),
    rule('.m.rule.tombstone', [match('type', 'm.room.tombstone'), match('state_key', '')], ['notify', highlight()]),
    rule('.m.rule.reaction', [match('type', 'm.reaction')], []),
    rule('.m.rule.room.server_acl', [match('type', 'm.room.server_acl'), match('state_key', '')], []),
    rule(
      '.m.rule.suppress_edits',
      [{ kind: 'event_property_is', key: 'content.m\\.relates_to.rel_type', value: 'm.replace' }],
      [],
    ),
  ],
  content: [],
  room: [],
  sender: [],
  underride: [
    rule('.m.rule.call', [match('type', 'm.call.invite')], ['notify', sound('ring')]),
    rule(
      '.m.rule.encrypted_room_one_to_one',
      [twoMembers(), match('type', 'm.room.encrypted')],
      ['notify', sound('default')],
    ),
    rule('.m.rule.room_one_to_one', [twoMembers(), match('type', 'm.room.message')], ['notify', sound('default')]),
    rule('.m.rule.message', [match('type', 'm.room.message')], ['notify']),
    rule('.m.rule.encrypted', [match('type', 'm.room.encrypted')], ['notify']),
  ],
})

const rule = (id: string, conditions: JsonObject[], actions: Json[]): PushRule => ({
  rule_id: id,
  default: true,
  enabled: true,
  conditions,
  actions,
})
const match = (key: string, pattern: string): JsonObject => ({ kind: 'event_match', key, pattern })
const twoMembers = (): JsonObject => ({ kind: 'room_member_count', is: '2' })
const sound = (value: string): JsonObject => ({ set_tweak: 'sound', value })
const highlight = (): JsonObject => ({ set_tweak: 'highlight' })
