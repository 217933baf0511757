/**
 * What differs between room versions, as data. Code asks for a property ("are power levels integers here?"), never for a
 * version number, so that a new version is one more entry in this file.
 */
export interface RoomVersion {
  readonly id: string
  /** Listed as stable in the specification: clients need not be told to upgrade. */
  readonly stable: boolean

  /** v1: `event_id` is a field, references are [id, hashes] pairs. v3: the id is the reference hash, in standard base64. v4: URL-safe. */
  readonly eventFormat: 'v1' | 'v3' | 'v4'
  readonly stateResolution: 'v1' | 'v2' | 'v2.1'
  /** A signing key must have been valid at `origin_server_ts` (v5+). */
  readonly enforceKeyValidity: boolean
  /** Events must be canonical JSON: no floats, integers within ±(2^53 − 1), `depth` within the same (v6+). */
  readonly strictCanonicalJson: boolean

  readonly redaction: RedactionRules
  /** `redacts` lives in `content`, not at the top level (v11+). */
  readonly redactsInContent: boolean
  /** Rule 11 of v1 and v2: redactions are judged by the auth rules, by the domain in the event id. Later: when they are applied. */
  readonly redactionsInAuthRules: boolean

  /** `m.room.aliases` has an auth rule of its own (v1–5). */
  readonly aliasesAuthRule: boolean
  /** Changes of `notifications` in power levels are judged like those of `events` (v6+). */
  readonly notificationLevelsAuthRule: boolean
  /** How a power level may be written: numbers, cut at the point, or strings (v1–5); integers or strings (v6–9); integers (v10+). */
  readonly powerLevelFormat: 'float-or-string' | 'integer-or-string' | 'integer'

  /** Membership and join rule `knock` (v7+). */
  readonly knock: boolean
  /** Join rule `restricted` (v8+). */
  readonly restrictedJoins: boolean
  /** Join rule `knock_restricted` (v10+). */
  readonly knockRestricted: boolean

  /** The create event must name its `creator` in `content` (v1–10); later the sender is the creator. */
  readonly creatorInContent: boolean
  /** Creators have infinite power, may be several, and must not be listed in power levels (v12+). */
  readonly privilegedCreators: boolean
  /** The room id is the id of the create event with `!` for `$`, and the create event carries no `room_id` (v12+). */
  readonly createIsRoomId: boolean
  /** The create event is implied by the room id and must not be among `auth_events` (v12+). */
  readonly noCreateInAuthEvents: boolean
}

/** What a redaction leaves over, where versions differ. */
export interface RedactionRules {
  /** `m.room.aliases` keeps `aliases` (v1–5). */
  readonly keepsAliases: boolean
  /** `m.room.join_rules` keeps `allow` (v8+). */
  readonly keepsJoinRuleAllow: boolean
  /** `m.room.member` keeps `join_authorised_via_users_server` (v9+). */
  readonly keepsAuthorisedVia: boolean
  /** Top-level `origin`, `membership` and `prev_state` are kept (v1–10). */
  readonly keepsLegacyTopLevel: boolean
  /** `m.room.create` keeps its whole content (v11+), not only `creator`. */
  readonly keepsCreateContent: boolean
  /** `m.room.redaction` keeps `redacts` in its content (v11+). */
  readonly keepsRedacts: boolean
  /** `m.room.power_levels` keeps `invite` (v11+). */
  readonly keepsInviteLevel: boolean
  /** `m.room.member` keeps `signed` of its `third_party_invite` (v11+). */
  readonly keepsThirdPartySigned: boolean
}

const v1: RoomVersion = {
  id: '1',
  stable: true,
  eventFormat: 'v1',
  stateResolution: 'v1',
  enforceKeyValidity: false,
  strictCanonicalJson: false,
  redaction: {
    keepsAliases: true,
    keepsJoinRuleAllow: false,
    keepsAuthorisedVia: false,
    keepsLegacyTopLevel: true,
    keepsCreateContent: false,
    keepsRedacts: false,
    keepsInviteLevel: false,
    keepsThirdPartySigned: false,
  },
  redactsInContent: false,
  redactionsInAuthRules: true,
  aliasesAuthRule: true,
  notificationLevelsAuthRule: false,
  powerLevelFormat: 'float-or-string',
  knock: false,
  restrictedJoins: false,
  knockRestricted: false,
  creatorInContent: true,
  privilegedCreators: false,
  createIsRoomId: false,
  noCreateInAuthEvents: false,
}
const v2: RoomVersion = { ...v1, id: '2', stateResolution: 'v2' }
const v3: RoomVersion = { ...v2, id: '3', eventFormat: 'v3', redactionsInAuthRules: false }
const v4: RoomVersion = { ...v3, id: '4', eventFormat: 'v4' }
const v5: RoomVersion = { ...v4, id: '5', enforceKeyValidity: true }
const v6: RoomVersion = {
  ...v5,
  id: '6',
  strictCanonicalJson: true,
  aliasesAuthRule: false,
  notificationLevelsAuthRule: true,
  powerLevelFormat: 'integer-or-string',
  redaction: { ...v5.redaction, keepsAliases: false },
}
const v7: RoomVersion = { ...v6, id: '7', knock: true }
const v8: RoomVersion = {
  ...v7,
  id: '8',
  restrictedJoins: true,
  redaction: { ...v7.redaction, keepsJoinRuleAllow: true },
}
const v9: RoomVersion = { ...v8, id: '9', redaction: { ...v8.redaction, keepsAuthorisedVia: true } }
const v10: RoomVersion = { ...v9, id: '10', powerLevelFormat: 'integer', knockRestricted: true }
const v11: RoomVersion = {
  ...v10,
  id: '11',
  creatorInContent: false,
  redactsInContent: true,
  redaction: {
    ...v10.redaction,
    keepsLegacyTopLevel: false,
    keepsCreateContent: true,
    keepsRedacts: true,
    keepsInviteLevel: true,
    keepsThirdPartySigned: true,
  },
}
const v12: RoomVersion = {
  ...v11,
  id: '12',
  stateResolution: 'v2.1',
  privilegedCreators: true,
  createIsRoomId: true,
  noCreateInAuthEvents: true,
}

/**
 * Every room version this server can take part in, by id, oldest first.
 * @see https://spec.matrix.org/v1.19/rooms/
 */
export const roomVersions: ReadonlyMap<string, RoomVersion> = new Map(
  [v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12].map((version) => [version.id, version]),
)

/** The version of a new room when nobody asks for another. */
export const defaultRoomVersion = '12'

/** The room version with this id; undefined when it is not one we know (or not even a string, as in a hostile create event). */
export const findRoomVersion = (id: unknown): RoomVersion | undefined =>
  typeof id === 'string' ? roomVersions.get(id) : undefined
