import type { Relation } from '../../matrix/relations.ts'
import { hot, type RelationsTable, type Tx } from '../../storage/index.ts'
import type { StoredEvent } from '../stored-event.ts'

const insert = hot((db, p: RelationsTable) =>
  db.insertInto('relations').values({
    event_nid: p.event_nid,
    room_nid: p.room_nid,
    target_id: p.target_id,
    rel_type: p.rel_type,
    type: p.type,
    key: p.key,
    sender_nid: p.sender_nid,
    position: p.position,
  }),
)

const remove = hot((db, p: { event: number }) => db.deleteFrom('relations').where('event_nid', '=', p.event))

export async function insertRelation(tx: Tx, stored: StoredEvent, relation: Relation): Promise<void> {
  insert.later(tx, {
    event_nid: stored.nid,
    room_nid: stored.room,
    target_id: relation.eventId,
    rel_type: relation.relType,
    type: stored.event.type,
    key: relation.key ?? null,
    sender_nid: stored.sender,
    position: stored.position,
  })
}

/** A redacted event relates to nothing any more. */
export async function deleteRelation(tx: Tx, event: number): Promise<void> {
  remove.later(tx, { event })
}
