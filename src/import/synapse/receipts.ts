import { readPositions } from '../store/names.ts'
import { clear, putRows } from '../store/rows.ts'
import type { ImportContext } from '../target.ts'

interface Row {
  room_id: string
  user_id: string
  receipt_type: string
  thread_id: string | null
  event_id: string
  data: string
}

const size = 1000

/** How far everybody has read. `position` is where all of it is in the log. */
export async function importReceipts(
  { source, database, names, report, tell }: ImportContext,
  position: number,
  of: number,
): Promise<void> {
  await database.write((tx) => clear(tx, ['receipts']))
  let done = 0
  for await (const rows of source.scan<Row>(
    {
      columns: 't.room_id, t.user_id, t.receipt_type, t.thread_id, t.event_id, t.data',
      from: 'receipts_linearized t',
      where: `t.receipt_type in ('m.read', 'm.read.private')`,
    },
    size,
  )) {
    const users = await names.users(rows.map((row) => row.user_id))
    const rooms = await names.rooms(rows.map((row) => row.room_id))
    const events = new Map(
      (await readPositions(database.read, [...new Set(rows.map((row) => row.event_id))])).map((row) => [
        row.event_id,
        row.position,
      ]),
    )
    const receipts = rows.flatMap((row) => {
      const room = rooms.get(row.room_id)
      const event = events.get(row.event_id)
      if (room === undefined || event === undefined || event === null) return []
      const { ts } = JSON.parse(row.data) as { ts?: number }
      return [
        {
          room_nid: room,
          user_nid: users.get(row.user_id) ?? 0,
          type: row.receipt_type,
          thread: row.thread_id ?? '',
          event_id: row.event_id,
          event_position: event,
          ts: typeof ts === 'number' ? ts : 0,
          position,
        },
      ]
    })
    await database.write((tx) => putRows(tx, 'receipts', receipts, { key: ['room_nid', 'user_nid', 'type', 'thread'] }))
    report.count('receipts', rows.length, receipts.length)
    if (receipts.length < rows.length)
      report.leave('receipts for events that are not here', rows[0]?.room_id ?? '', rows.length - receipts.length)
    tell({ part: 'receipts', done: (done += rows.length), of })
  }
}
