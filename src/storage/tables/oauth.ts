/** Apps that have registered themselves, by what they say of themselves: the same metadata is the same client. */
export interface OAuthClientsTable {
  client_id: string
  /** JSON. */
  metadata: string
  created_ts: number
  /** The day on which it was last asked for, or had a session, in ms. */
  used_ts: number
}

/** What sessions that were opened by OAuth 2.0 came of. Goes with its device. */
export interface OAuthSessionsTable {
  device_nid: number
  client_id: string
  scope: string
  /** SHA-256, base64url: what every refresh token of the session begins with, so that one that was used up is known as such. */
  family_hash: string
  /** The authorization code or device code that opened it: whoever brings it again ends the session. */
  code_hash: string | null
  /** When the user last showed who they are, in ms; null where nobody was asked. */
  auth_ts: number | null
  created_ts: number
}

/** Authorization codes that wait for their client. */
export interface OAuthCodesTable {
  /** SHA-256, base64url. */
  code_hash: string
  client_id: string
  redirect_uri: string
  /** The S256 challenge of PKCE. */
  challenge: string
  scope: string
  nonce: string | null
  user_nid: number
  auth_ts: number
  /** The provider's session that it came of, for `provider_sessions`; null where there is none. */
  provider: string | null
  subject: string | null
  sid: string | null
  /** When the session that it opens is to end; null: when somebody ends it. */
  session_until: number | null
  expires_ts: number
}

/** Devices that wait until somebody lets them in with another one. */
export interface OAuthDeviceCodesTable {
  /** SHA-256, base64url. */
  device_hash: string
  /** What people type, without its dash. */
  user_code: string
  client_id: string
  scope: string
  /** The address that the device asked from, for people to see. */
  ip: string
  /** `waiting`, `allowed` or `denied`. */
  state: string
  user_nid: number | null
  auth_ts: number | null
  provider: string | null
  subject: string | null
  sid: string | null
  session_until: number | null
  created_ts: number
  expires_ts: number
}

/** The keys that ID tokens are signed with. */
export interface OAuthKeysTable {
  kid: string
  alg: string
  /** A private JWK, as JSON. */
  jwk: string
  created_ts: number
  /** Since when nothing is signed with it; null: it is the one of its algorithm. */
  retired_ts: number | null
}

/** Assertions by which clients have proven themselves: each is good once. */
export interface OAuthAssertionsTable {
  client_id: string
  jti: string
  /** When it runs out, after which it need not be remembered. */
  expires_ts: number
}

/** Access tokens that were made by hand, for bots and scripts: each has a device of its own, which bears its name. */
export interface PersonalTokensTable {
  device_nid: number
  user_nid: number
  created_ts: number
  /** Null: it is good until somebody ends it. */
  expires_ts: number | null
}
