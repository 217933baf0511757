import type { Pdu } from '../../matrix/pdu.ts'
import { hot, type Reader } from '../../storage/index.ts'
import type { Candidate } from '../ledger.ts'

/** From where on a room is unread. */
export interface Floor {
  readonly room: number
  readonly roomId: string
  /** Up to here everything is read. */
  readonly all: number
  /** Up to here what is in no thread is read; not below `all`. */
  readonly main: number
}

const columns = ['nid', 'position', 'sender_nid', 'event_id', 'thread_root', 'redacted_by', 'json'] as const

const after = hot((db, p: { room: number; above: number; upTo: number; limit: number }) =>
  db
    .selectFrom('events')
    .where('room_nid', '=', p.room)
    .where('position', '>', p.above)
    .where('position', '<=', p.upTo)
    .where('standing', '=', 0)
    .orderBy('position', 'desc')
    .limit(p.limit)
    .select(columns)
    .$narrowType<{ position: number }>(),
)

const threadedAfter = hot((db, p: { room: number; above: number; upTo: number; limit: number }) =>
  db
    .selectFrom('events')
    .where('room_nid', '=', p.room)
    .where('position', '>', p.above)
    .where('position', '<=', p.upTo)
    .where('standing', '=', 0)
    .where('thread_root', 'is not', null)
    .orderBy('position', 'desc')
    .limit(p.limit)
    .select(columns)
    .$narrowType<{ position: number }>(),
)

type Row = Awaited<ReturnType<typeof after.all>>[number]

/**
 * The events of a room that may be unread, oldest first: at most the newest `limit` after its floor for what is in no thread, and
 * the newest `limit` in threads between the two floors. However many are unread, an index is followed for no more than that.
 */
export async function readUnread(
  db: Reader,
  { room, roomId, all, main }: Floor,
  until: number,
  limit: number,
): Promise<Candidate[]> {
  const [newest, threaded] = await Promise.all([
    after.all(db, { room, above: main, upTo: until, limit }),
    all < main ? threadedAfter.all(db, { room, above: all, upTo: main, limit }) : [],
  ])
  return [...newest, ...threaded].reverse().map((row) => candidateFrom(row, roomId))
}

/** The part of a stored event that push rules look at. It is not put in the cache of events, which a long absence would flush. */
function candidateFrom(row: Row, roomId: string): Candidate {
  const pdu = JSON.parse(row.json) as Pdu // our own, written canonically
  return {
    nid: row.nid,
    sender: row.sender_nid,
    position: row.position,
    threadRoot: row.thread_root,
    redactedBy: row.redacted_by,
    event: {
      id: row.event_id,
      type: pdu.type,
      sender: pdu.sender,
      roomId,
      stateKey: pdu.state_key,
      content: pdu.content,
      ts: pdu.origin_server_ts,
    },
  }
}
