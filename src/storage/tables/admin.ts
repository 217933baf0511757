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
}
