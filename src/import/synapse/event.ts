import { standings } from '../../events/index.ts'
import { eventId, toRoomEvent, type RoomEvent } from '../../matrix/event.ts'
import { canonicalJson, type JsonObject } from '../../matrix/json.ts'
import type { Pdu } from '../../matrix/pdu.ts'
import type { RoomVersion } from '../../matrix/room-version.ts'
import { isTrue } from '../target.ts'

/** An event as it lies in Synapse's tables. */
export interface SourceEvent {
  readonly event_id: string
  readonly stream_ordering: number
  readonly outlier: unknown
  readonly json: string
  readonly internal_metadata: string
  readonly state_group: number | null
  readonly rejected: string | null
  readonly txn_id: string | null
  readonly txn_user: string | null
  readonly txn_device: string | null
}

export const eventColumns = `t.event_id, t.stream_ordering, t.outlier, j.json, j.internal_metadata, g.state_group,
  coalesce(t.rejection_reason, r.reason) as rejected, x.txn_id, x.user_id as txn_user, x.device_id as txn_device`
export const eventTables = `events t join event_json j on j.event_id = t.event_id
  left join event_to_state_groups g on g.event_id = t.event_id left join rejections r on r.event_id = t.event_id
  left join event_txn_id_device_id x on x.event_id = t.event_id`

/** An event as it is here, and what Synapse says of it. */
export interface ReadEvent {
  readonly row: SourceEvent
  readonly event: RoomEvent
  /** Canonical JSON, without `unsigned`. */
  readonly json: string
  readonly standing: number
  readonly isOutlier: boolean
  /** Whether the event has the id that its content gives it. */
  readonly isItself: boolean
}

/** @throws Error when its JSON is none */
export function readSourceEvent(row: SourceEvent, version: RoomVersion): ReadEvent {
  const { unsigned: _, ...pdu } = JSON.parse(row.json) as Pdu & JsonObject // what Synapse checked, and stored
  const meta = JSON.parse(row.internal_metadata) as { soft_failed?: boolean; outlier?: boolean }
  const json = canonicalJson(pdu)
  return {
    row,
    event: toRoomEvent(pdu, version, row.event_id),
    json,
    standing:
      row.rejected !== null
        ? standings.rejected
        : meta.soft_failed === true
          ? standings.softFailed
          : standings.accepted,
    isOutlier: isTrue(row.outlier),
    isItself: eventId(pdu, version) === row.event_id,
  }
}
