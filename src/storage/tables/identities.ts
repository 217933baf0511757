/** Whom an identity provider means by a subject. */
export interface IdentitiesTable {
  provider: string
  subject: string
  user_nid: number
  /** How it came to be: `sign-in`, `user`, `operator`, `import`. */
  linked_by: string
  linked_ts: number
  /** The address that the avatar was last fetched from, so that it is fetched once; null: none was. */
  avatar_source: string | null
  /** The display name and the avatar (mxc) that the provider gave last; null: none, or not known. */
  given_name: string | null
  given_avatar: string | null
  /** When the newest claims were issued that have given rights, in ms; null: none have, or they did not say. */
  claims_ts: number | null
  /** What people know somebody at the provider by; null: nothing better than the subject. */
  label: string | null
}

/** The last good key set that a provider has published. */
export interface ProviderKeysTable {
  provider: string
  /** Where it was read: a set that was read elsewhere is of no use any more. */
  source: string
  json: string
  fetched_ts: number
}

/** Tokens of identity providers that are good once, and were used. */
export interface UsedTokensTable {
  provider: string
  jti: string
  /** When the token runs out, after which it need not be remembered. */
  expires_ts: number
}

/** Tokens of identity providers that are good no more although they have not run out. */
export interface RevokedTokensTable {
  provider: string
  /** What `value` names: `sub`, `sid`, `jti`, `device` or `token`. */
  kind: string
  value: string
  /** Of a subject or device, only tokens that were issued before are revoked. */
  revoked_ts: number
  /** When every such token has run out; null: not known. */
  expires_ts: number | null
}

/** What the tokens of a device have in common that is used with tokens of a provider directly. They are revoked when it is deleted. */
export interface BearerDevicesTable {
  device_nid: number
  provider: string
  kind: string
  value: string
}

/** What a provider can be asked with whether a session of its still stands. */
export interface ProviderEvidenceTable {
  /** The provider's id under which its people are linked, as in `provider_sessions`. */
  people: string
  subject: string
  /** Empty for a session without a name. */
  sid: string
  /** The id of the provider that is asked. */
  asker: string
  /** A token, sealed by the secret of this server at the provider. */
  sealed: string
}

/** Rooms that somebody is in because of a group of an identity provider. */
export interface GroupRoomsTable {
  user_nid: number
  provider: string
  room_id: string
  /** The room as the configuration names it. */
  named: string
  /** The power that was given; null: none. */
  power: number | null
  /** Whether the room is left when the group goes. */
  leave: number
}

/** Who is locked because an identity provider knows them no more: the lock goes when it does again. */
export interface ProviderLocksTable {
  user_nid: number
  /** The provider's id; with `scim:` in front where it has said so by SCIM. */
  provider: string
  locked_ts: number
}

/** Somebody whom a provider manages here by SCIM. */
export interface ScimUsersTable {
  provider: string
  id: string
  user_nid: number
  /** As in `identities`. */
  subject: string
  /** In small letters. */
  user_name: string
  external_id: string | null
  active: number
  /** What the provider says of them, as a SCIM resource. */
  json: string
  created_ts: number
  changed_ts: number
  version: number
}

/** A group that a provider manages here by SCIM. */
export interface ScimGroupsTable {
  provider: string
  id: string
  display_name: string
  /** Its name in small letters. */
  folded: string
  external_id: string | null
  created_ts: number
  changed_ts: number
  version: number
}

/** Who is in a group, by the ids of both. */
export interface ScimMembersTable {
  provider: string
  group_id: string
  user_id: string
}
