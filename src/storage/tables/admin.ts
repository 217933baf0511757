import type { Generated } from 'kysely'

/** What users told the operator of: the newest word of each user on each room, event or user. */
export interface ReportsTable {
  nid: Generated<number>
  reporter_nid: number
  /** A room id, an event id or a user id. */
  target: string
  /** Room id of an event. */
  room_id: string | null
  reason: string
  created_ts: number
  /** How bad the reporter finds it, from -100 to 0; null: not said. */
  score: Generated<number | null>
}

/** Who did what as an administrator; never changed, only added to. */
export interface AuditLogTable {
  nid: Generated<number>
  ts: number
  /** User id, or `cli`. */
  actor: string
  /** The operation. */
  action: string
  /** What it was done to: a user id, room id, media id, token; empty for the server. */
  target: string
  /** `done`, or the error code that it was refused with. */
  outcome: string
  /** Where the request came from. */
  ip: string
  /** JSON: what was asked for, without secrets. */
  detail: string
}

/** Tokens that let somebody register, besides those of the configuration. */
export interface RegistrationTokensTable {
  token: string
  /** Null: as many as you like. */
  uses_allowed: number | null
  /** Registrations that it was used for. */
  completed: number
  /** Null: it does not run out. */
  expires_ts: number | null
  created_ts: number
}

/** Rooms that nobody of this server may enter. */
export interface BlockedRoomsTable {
  room_id: string
  /** User id. */
  blocked_by: string
  blocked_ts: number
}

/** Long work that an administrator has set going, and how far it is; the jobs that do it are in `jobs`. */
export interface TasksTable {
  id: string
  /** `delete_room`, `purge_history`, `redact_user` … */
  action: string
  /** Room id, user id. */
  resource: string
  /** `scheduled`, `active`, `complete` or `failed`. */
  status: string
  created_ts: number
  changed_ts: number
  /** JSON: what was asked for. */
  params: string
  /** JSON: what has come of it so far. */
  result: string
  error: string | null
}
