import { redactedForm } from '../../events/index.ts'
import { toRoomEvent } from '../../matrix/event.ts'
import { canonicalJson, type JsonObject } from '../../matrix/json.ts'
import type { Pdu } from '../../matrix/pdu.ts'
import type { RoomVersion } from '../../matrix/room-version.ts'
import { serverOf } from '../../matrix/ids.ts'
import { readTexts, saveRedacted } from '../store/rooms.ts'
import type { ImportContext } from '../target.ts'

interface RedactionRow {
  event_id: string
  redacts: string
  stream_ordering: number
  redactor: string
  redacted: string
  internal_metadata: string
}

const size = 200

/**
 * Takes away what redactions took away. Synapse keeps the events whole for a week and hides them; here nothing is left of them at once.
 * Those that were taken away already are passed over, so that this can be done again.
 */
export async function importRedactions(
  { source, database, report }: ImportContext,
  roomId: string,
  version: RoomVersion,
): Promise<void> {
  let after = Number.MIN_SAFE_INTEGER
  for (;;) {
    const rows = await source.rows<RedactionRow>(
      `select d.event_id, d.redacts, e.stream_ordering, e.sender as redactor, t.sender as redacted, j.internal_metadata
        from redactions d join events e on e.event_id = d.event_id join event_json j on j.event_id = d.event_id
        join events t on t.event_id = d.redacts left join rejections r on r.event_id = d.event_id
        where e.room_id = ? and t.room_id = e.room_id and r.event_id is null and t.type <> 'm.room.create' and e.stream_ordering > ?
        order by e.stream_ordering limit ${size}`,
      [roomId, after],
    )
    const good = rows.filter(isGood)
    const texts = await readTexts(database.read, [...new Set(good.flatMap((row) => [row.redacts, row.event_id]))])
    const byId = new Map(texts.map((text) => [text.event_id, text]))
    const done = new Set<string>()
    await database.write(async (tx) => {
      for (const { event_id: id, redacts } of good) {
        const [by, target] = [byId.get(id), byId.get(redacts)]
        if (!by || !target || target.redacted_by !== null || done.has(redacts)) continue
        const pdu = JSON.parse(target.json) as Pdu & JsonObject // written by this import
        const event = redactedForm(toRoomEvent(pdu, version, redacts), version)
        await saveRedacted(tx, target.nid, canonicalJson(event.pdu), by.nid)
        done.add(redacts)
      }
    })
    report.count('redactions', good.length)
    after = rows.at(-1)?.stream_ordering ?? after
    if (rows.length < size) return
  }
}

/** Whether the redaction counts: from room version 3 on that may hang on whether both are of one server. */
function isGood({ internal_metadata: text, redactor, redacted }: RedactionRow): boolean {
  const { recheck_redaction: recheck } = JSON.parse(text) as { recheck_redaction?: boolean }
  return recheck !== true || serverOf(redactor) === serverOf(redacted)
}
