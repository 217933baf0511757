/** The names of the rules, the same in every room version (the numbers in the specification move). */
export const authRules = [
  'create.prev-events',
  'create.state-key',
  'create.second',
  'create.room-id',
  'create.version',
  'create.creator',
  'create.additional-creators',
  'auth-events.missing',
  'auth-events.duplicate',
  'auth-events.unexpected',
  'auth-events.rejected',
  'auth-events.no-create',
  'auth-events.other-room',
  'room.unknown',
  'room.not-federated',
  'aliases.state-key',
  'aliases.domain',
  'member.malformed',
  'member.unknown',
  'join.other-user',
  'join.banned',
  'join.not-invited',
  'join.not-authorised',
  'join.closed',
  'third-party.banned',
  'third-party.malformed',
  'third-party.other-user',
  'third-party.unknown',
  'third-party.other-sender',
  'third-party.signature',
  'invite.not-joined',
  'invite.target',
  'invite.level',
  'leave.not-in-room',
  'leave.not-joined',
  'leave.unban',
  'leave.kick',
  'ban.not-joined',
  'ban.level',
  'knock.closed',
  'knock.other-user',
  'knock.membership',
  'sender.not-joined',
  'third-party-invite.level',
  'event.level',
  'state-key.other-user',
  'power-levels.malformed',
  'power-levels.user-id',
  'power-levels.creator',
  'power-levels.single',
  'power-levels.entry',
  'power-levels.user',
  'redaction.level',
] as const

/** The rule that an event failed. */
export type AuthRule = (typeof authRules)[number]

/** Whether the rules let an event into a room, and if not, why: `reason` is a sentence for the person who sent it. */
export type AuthResult =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly rule: AuthRule; readonly reason: string }

/** The one positive answer. */
export const allowed: AuthResult = Object.freeze({ allowed: true })

/** A negative answer: the rule that failed, and why in a sentence that helps. */
export const denied = (rule: AuthRule, reason: string): AuthResult => ({ allowed: false, rule, reason })
