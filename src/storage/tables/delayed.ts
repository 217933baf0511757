/** Events that are to be sent later, and what became of them. */
export interface DelayedEventsTable {
  /** Unguessable: who knows it may cancel, restart or send. */
  delay_id: string
  user_nid: number
  /** The device that scheduled it, and its transaction, so that a repeated request schedules nothing twice. */
  device_nid: number | null
  txn_id: string | null
  room_id: string
  type: string
  /** Null for a message. */
  state_key: string | null
  /** JSON. */
  content: string
  delay_ms: number
  /** When it was scheduled, or restarted last. */
  since_ts: number
  /** When it was sent, cancelled or refused; null while it waits. */
  finalised_ts: number | null
  /** Set when it was sent. */
  event_id: string | null
  /** JSON, as a client would be refused; set when it could not be sent. */
  error: string | null
}
